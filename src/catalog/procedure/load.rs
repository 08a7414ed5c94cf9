//! Loads procedures from their data files.

use serde::Deserialize;

use super::Procedure;
use crate::catalog::{CatalogError, load_table};
use crate::text::names::expand;

/// The files of `procedures/`.
const PROCEDURE_FILES: &[(&str, &str)] = &[
    ("aks.yaml", include_str!("../procedures/aks.yaml")),
    (
        "cluster-api.yaml",
        include_str!("../procedures/cluster-api.yaml"),
    ),
    (
        "cluster-topology.yaml",
        include_str!("../procedures/cluster-topology.yaml"),
    ),
    ("dkp.yaml", include_str!("../procedures/dkp.yaml")),
    (
        "dkp-fleet.yaml",
        include_str!("../procedures/dkp-fleet.yaml"),
    ),
    (
        "dkp-konvoy.yaml",
        include_str!("../procedures/dkp-konvoy.yaml"),
    ),
    ("dkp-move.yaml", include_str!("../procedures/dkp-move.yaml")),
    ("eks.yaml", include_str!("../procedures/eks.yaml")),
    ("emulated.yaml", include_str!("../procedures/emulated.yaml")),
    ("gke.yaml", include_str!("../procedures/gke.yaml")),
    ("k3s.yaml", include_str!("../procedures/k3s.yaml")),
    ("kops.yaml", include_str!("../procedures/kops.yaml")),
    ("kubeadm.yaml", include_str!("../procedures/kubeadm.yaml")),
    ("kyma.yaml", include_str!("../procedures/kyma.yaml")),
    (
        "kyma-guides.yaml",
        include_str!("../procedures/kyma-guides.yaml"),
    ),
    (
        "kubernetes.yaml",
        include_str!("../procedures/kubernetes.yaml"),
    ),
    (
        "otherwise.yaml",
        include_str!("../procedures/otherwise.yaml"),
    ),
    ("rke2.yaml", include_str!("../procedures/rke2.yaml")),
    ("talos.yaml", include_str!("../procedures/talos.yaml")),
];

/// A row of `elsewhere.tsv`: what upgrades a kind of cluster as a whole.
#[derive(Debug, Deserialize)]
struct ElsewhereRow {
    fits: String,
    value: String,
    title: String,
    how: String,
    link: String,
    source: String,
    horizon: String,
}

impl ElsewhereRow {
    /// Its procedure, which sends people there.
    fn procedure(&self) -> Result<Procedure, CatalogError> {
        let columns = [
            ("%fits%", &self.fits),
            ("%value%", &self.value),
            ("%title%", &self.title),
            ("%how%", &self.how),
            ("%link%", &self.link),
            ("%source%", &self.source),
            ("%horizon%", &self.horizon),
        ];
        let text = include_str!("../procedures/elsewhere.yaml").to_owned();
        let text = columns
            .iter()
            .fold(text, |text, (word, value)| text.replace(word, value));
        serde_saphyr::from_str(&text).map_err(|source| CatalogError {
            table: "elsewhere.yaml",
            source: Box::new(source),
        })
    }
}

/// The built-in procedures, in matching order.
pub(crate) fn embedded() -> Result<Vec<Procedure>, CatalogError> {
    let mut procedures = PROCEDURE_FILES
        .iter()
        .map(|(file, text)| {
            serde_saphyr::from_str(&expand(text)).map_err(|source| CatalogError {
                table: file,
                source: Box::new(source),
            })
        })
        .collect::<Result<Vec<Procedure>, _>>()?;
    let elsewhere: Vec<ElsewhereRow> =
        load_table("elsewhere.tsv", include_str!("../procedures/elsewhere.tsv"))?;
    for row in &elsewhere {
        procedures.push(row.procedure()?);
    }
    procedures.sort_by(|one, other| {
        (one.platform, &one.applies_to).cmp(&(other.platform, &other.applies_to))
    });
    Ok(procedures)
}
