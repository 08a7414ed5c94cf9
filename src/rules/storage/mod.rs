//! Rules about volumes: in-tree plug-ins, CSI drivers, attachments.

pub(super) mod attachments;
pub(super) mod csi_driver;
pub(super) mod in_tree;
