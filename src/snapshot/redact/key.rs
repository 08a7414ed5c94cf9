//! The key of pseudonyms.

use sha2::{Digest, Sha256};

use super::super::{ClusterSnapshot, KUBE_SYSTEM, Uid};
use crate::catalog::GroupResource;
use crate::need::{DetailLevel, ListSelector, Need};

/// The key without which nobody can find the name of a pseudonym by trying names.
#[derive(Clone)]
pub struct RedactionKey([u8; 64]);

impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl RedactionKey {
    /// The need for the key of a cluster.
    #[must_use]
    pub fn need() -> Need {
        let selector = ListSelector::by_fields(format!("metadata.name={KUBE_SYSTEM}"));
        let namespaces = GroupResource::new("", "namespaces");
        Need::selected(namespaces, selector, DetailLevel::Full).with_fields(&["metadata.uid"])
    }

    /// A key from a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut key = [0; 64];
        // A whole block of SHA-256, so that the key cannot be extended by a name.
        key[..32].copy_from_slice(&Sha256::digest(secret));
        Self(key)
    }

    /// The key of a cluster; `None` if its UID was not read.
    #[must_use]
    pub fn from_cluster(cluster: &ClusterSnapshot) -> Option<Self> {
        let uid = cluster.uid()?;
        (!uid.is_pseudonym()).then(|| Self::new(uid.to_string().as_bytes()))
    }

    /// The pseudonym of a UID.
    pub(super) fn pseudonymize_uid(&self, uid: Uid) -> Uid {
        if uid.is_pseudonym() {
            return uid;
        }
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update("uid ")
            .chain_update(uid.to_string())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Uid::new_pseudonym(bytes)
    }

    /// The first 48 bits of the keyed hash of a name, in hexadecimal.
    pub(super) fn hex_digest(&self, name: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update(name)
            .finalize();
        digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
