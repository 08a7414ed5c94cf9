package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Keeps nodes, pods and warning events in shared informers, as most controllers
// do, and prints a line when all of them have synchronized. KUBECONFIG names the
// cluster. Ends at SIGTERM.
func keepInformers() error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	all := informers.NewSharedInformerFactory(clients, 0)
	warnings := informers.NewSharedInformerFactoryWithOptions(clients, 0, informers.WithTweakListOptions(
		func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector("type", corev1.EventTypeWarning).String()
		}))
	synced := []cache.InformerSynced{
		all.Core().V1().Nodes().Informer().HasSynced,
		all.Core().V1().Pods().Informer().HasSynced,
		warnings.Core().V1().Events().Informer().HasSynced,
	}
	start := time.Now()
	all.Start(ctx.Done())
	warnings.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return ctx.Err()
	}
	fmt.Printf("synchronized %.2f\n", time.Since(start).Seconds())
	<-ctx.Done()
	return nil
}
