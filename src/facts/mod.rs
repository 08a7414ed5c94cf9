//! Facts: views of one cluster, such as its control plane, pods, budgets and workloads. Each comes with the need that it
//! rests on, and is a pure function of a [`ClusterView`](crate::snapshot::ClusterView).

pub(crate) mod api_servers;
pub(crate) mod backups;
pub(crate) mod budgets;
pub(crate) mod ca_bundle;
pub(crate) mod capi;
pub(crate) mod component_manifests;
pub(crate) mod control_plane;
pub(crate) mod custom_resources;
pub(crate) mod dkp;
pub(crate) mod kyma;
pub(crate) mod label_selector;
pub(crate) mod nodes;
pub(crate) mod pods;
pub(crate) mod service_backends;
pub(crate) mod unfinished_hop;
pub(crate) mod workloads;
