//! The source of a pod's volume: a claim, or a driver that was part of Kubernetes.
//!
//! Tags are those of k8s.io/api core/v1/generated.proto.

use prost::Message;
use serde::Deserialize;

/// A message of which only the presence counts.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(super) struct EmptyMessage {}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PersistentVolumeClaimVolumeSource {
    #[prost(string, tag = "1")]
    pub(super) claim_name: String,
}

/// Declares [`VolumeSource`] with a row for each in-tree driver: field, tag and name in JSON.
macro_rules! volume_source {
    ($($field:ident = $tag:literal $name:literal,)*) => {
        #[derive(Clone, PartialEq, Message, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub(super) struct VolumeSource {
            #[prost(message, optional, tag = "10")]
            pub(super) persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
            #[prost(message, optional, tag = "29")]
            pub(super) ephemeral: Option<EmptyMessage>,
            $(
                #[prost(message, optional, tag = $tag)]
                #[serde(rename = $name)]
                $field: Option<EmptyMessage>,
            )*
        }

        impl VolumeSource {
            /// The in-tree driver that the volume uses, by the name of its field.
            pub(super) fn in_tree_driver(&self) -> Option<&'static str> {
                $(if self.$field.is_some() {
                    return Some($name);
                })*
                None
            }
        }
    };
}

volume_source! {
    gce_persistent_disk = "3" "gcePersistentDisk",
    aws_elastic_block_store = "4" "awsElasticBlockStore",
    git_repo = "5" "gitRepo",
    glusterfs = "9" "glusterfs",
    rbd = "11" "rbd",
    flex_volume = "12" "flexVolume",
    cinder = "13" "cinder",
    cephfs = "14" "cephfs",
    flocker = "15" "flocker",
    azure_file = "18" "azureFile",
    vsphere_volume = "20" "vsphereVolume",
    quobyte = "21" "quobyte",
    azure_disk = "22" "azureDisk",
    photon_persistent_disk = "23" "photonPersistentDisk",
    portworx_volume = "24" "portworxVolume",
    scale_io = "25" "scaleIO",
    storageos = "27" "storageos",
}
