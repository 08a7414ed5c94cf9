// Command lifecycle writes what upstream's modules say, as tests/fixtures/upstream-lifecycle.tsv (the lifecycle of the
// Kubernetes APIs), with the argument gates tests/fixtures/upstream-gates.tsv (see gates.go), or with the argument fields
// tests/fixtures/upstream-fields.tsv (see fields.go).
//
// The source is the methods APILifecycleIntroduced, Deprecated, Removed and Replacement of the types in the published
// modules. Modules are downloaded with the Go command's ordinary proxy; none of them is compiled. The newest module that
// contains a type wins; the column seen_in shows whether later modules still contain it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// The first minor whose modules have such methods, the newest one that is read, and its suffix until it is released.
const (
	oldest     = 19
	newest     = 38
	preRelease = "-beta.0"
)

// Modules with the types of the Kubernetes APIs, and the last minor in which they have them.
var modules = []struct {
	path string
	last int
}{
	{"k8s.io/api", newest},
	{"k8s.io/kube-aggregator", newest},
	// Since 1.38 its types are in k8s.io/apiextensions-api, without a change (kubernetes/kubernetes PR 142746).
	{"k8s.io/apiextensions-apiserver", 37},
}

type api struct{ group, version, kind string }

type life struct {
	introduced, deprecated, removed, replacement string
	firstSeen, lastSeen                          string
}

func main() {
	more := map[string]func() error{"gates": writeGates, "fields": writeFields}
	if len(os.Args) > 1 {
		if err := more[os.Args[1]](); err != nil {
			fail(err)
		}
		return
	}
	known := map[api]*life{}
	horizon, err := eachModule(func(dir string, minor, lastSeen int) error {
		return read(dir, "1."+strconv.Itoa(minor), "1."+strconv.Itoa(lastSeen), known)
	})
	if err != nil {
		fail(err)
	}
	write(known, horizon)
}

// eachModule visits the directory of each module of each minor, oldest first, with the last minor that has its types, and
// returns the day on which the newest of them was published.
func eachModule(visit func(dir string, minor, lastSeen int) error) (string, error) {
	horizon := ""
	for minor := oldest; minor <= newest; minor++ {
		for _, module := range modules {
			if minor > module.last {
				continue
			}
			dir, day, err := download(module.path, "v0."+patch(minor))
			if err != nil {
				return "", err
			}
			horizon = max(horizon, day)
			lastSeen := minor
			if minor == module.last {
				lastSeen = newest
			}
			if err := visit(dir, minor, lastSeen); err != nil {
				return "", err
			}
		}
	}
	return horizon, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "lifecycle:", err)
	os.Exit(1)
}

// patch is the version after the major: the first patch of a minor, or the pre-release of the newest one.
func patch(minor int) string {
	if minor == newest {
		return fmt.Sprintf("%d.0%s", minor, preRelease)
	}
	return fmt.Sprintf("%d.0", minor)
}

// download returns the directory of a module and the day on which it was published.
func download(module, version string) (dir, day string, err error) {
	command := exec.Command("go", "mod", "download", "-json", module+"@"+version)
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	command.Stderr = os.Stderr
	output, failure := command.Output()
	var answer struct{ Info, Zip string }
	if err := json.Unmarshal(output, &answer); err != nil {
		return "", "", fmt.Errorf("%s@%s: %w: %s", module, version, failure, output)
	}
	// A module that wants a newer Go is an error, but it is downloaded and unpacked.
	cache, _, _ := strings.Cut(answer.Zip, filepath.Join("cache", "download"))
	dir = filepath.Join(cache, module+"@"+version)
	if _, err := os.Stat(dir); answer.Zip == "" || err != nil {
		return "", "", fmt.Errorf("%s@%s: %w: %s", module, version, failure, output)
	}
	text, err := os.ReadFile(answer.Info)
	if err != nil {
		return "", "", err
	}
	var info struct{ Time string }
	if err := json.Unmarshal(text, &info); err != nil {
		return "", "", err
	}
	day, _, _ = strings.Cut(info.Time, "T")
	return dir, day, nil
}

// read adds the types of every package below a directory that has a group and a version.
func read(root, minor, lastSeen string, known map[api]*life) error {
	return filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() != "zz_generated.deepcopy.go" {
			return err
		}
		dir := filepath.Dir(path)
		version := filepath.Base(dir)
		group, ok, err := groupName(filepath.Join(dir, "register.go"))
		// Internal types live in a directory named after the group, not after a version.
		if err != nil || !ok || len(version) < 2 || version[0] != 'v' || version[1] < '0' || version[1] > '9' {
			return err
		}
		objects, err := methods(path)
		if err != nil {
			return err
		}
		marks, err := methods(filepath.Join(dir, "zz_generated.prerelease-lifecycle.go"))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		for kind, has := range objects {
			if has["DeepCopyObject"] == nil || strings.HasSuffix(kind, "List") {
				continue
			}
			key := api{group, version, kind}
			row := known[key]
			if row == nil {
				row = &life{firstSeen: minor}
				known[key] = row
			}
			row.lastSeen = lastSeen
			mark := marks[kind]
			row.introduced = pair(mark["APILifecycleIntroduced"])
			row.deprecated = pair(mark["APILifecycleDeprecated"])
			row.removed = pair(mark["APILifecycleRemoved"])
			row.replacement = words(mark["APILifecycleReplacement"])
		}
		return nil
	})
}

// groupName finds `const GroupName = "..."`.
func groupName(path string) (string, bool, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if os.IsNotExist(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || value.Names[0].Name != "GroupName" || len(value.Values) != 1 {
				continue
			}
			if literal, ok := value.Values[0].(*ast.BasicLit); ok {
				name, err := strconv.Unquote(literal.Value)
				return name, err == nil, err
			}
		}
	}
	return "", false, nil
}

// methods returns, by type and name, what each method of a file returns.
func methods(path string) (map[string]map[string][]ast.Expr, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	found := map[string]map[string][]ast.Expr{}
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Recv == nil {
			continue
		}
		star, ok := function.Recv.List[0].Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		kind := star.X.(*ast.Ident).Name
		if found[kind] == nil {
			found[kind] = map[string][]ast.Expr{}
		}
		results := []ast.Expr{}
		for _, statement := range function.Body.List {
			if back, ok := statement.(*ast.ReturnStmt); ok {
				results = back.Results
			}
		}
		found[kind][function.Name.Name] = results
	}
	return found, nil
}

// pair writes `return 1, 22` as 1.22.
func pair(results []ast.Expr) string {
	if len(results) != 2 {
		return ""
	}
	return results[0].(*ast.BasicLit).Value + "." + results[1].(*ast.BasicLit).Value
}

// words writes `return schema.GroupVersionKind{Group: "policy", Version: "v1", Kind: "X"}` as policy/v1/X.
func words(results []ast.Expr) string {
	if len(results) != 1 {
		return ""
	}
	parts := []string{}
	for _, element := range results[0].(*ast.CompositeLit).Elts {
		literal := element.(*ast.KeyValueExpr).Value.(*ast.BasicLit)
		part, err := strconv.Unquote(literal.Value)
		if err != nil {
			fail(err)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

func write(known map[api]*life, horizon string) {
	keys := make([]api, 0, len(known))
	for key := range known {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(a, b int) bool {
		return fmt.Sprint(keys[a]) < fmt.Sprint(keys[b])
	})
	var out bytes.Buffer
	fmt.Fprintln(&out, "group\tversion\tkind\tintroduced\tdeprecated\tremoved\treplacement\tfirst_seen\tseen_in\thorizon")
	for _, key := range keys {
		row := known[key]
		group := key.group
		if group == "" {
			group = "core"
		}
		fmt.Fprintln(&out, strings.Join([]string{
			group, key.version, key.kind, row.introduced, row.deprecated, row.removed, row.replacement,
			row.firstSeen, row.lastSeen, horizon,
		}, "\t"))
	}
	if _, err := os.Stdout.Write(out.Bytes()); err != nil {
		fail(err)
	}
}
