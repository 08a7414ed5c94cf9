//! Files that a tool renders to manifests.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::source::MAX_FILE_MIB;
use crate::catalog::{Catalog, RenderedFile, RenderedForm};
use crate::manifests::placeholders;

/// Bytes of an archive that are searched: `helm package` puts the description of a chart first.
const MAX_ARCHIVE_BYTES: u64 = 4 << 20;

/// The row of a file that a tool renders: by its name, and by what it mentions where others have such names.
pub(super) fn row_of<'a>(path: &Path, catalog: &'a Catalog) -> Option<&'a RenderedFile> {
    let mut rows = catalog.rendered_files.iter();
    rows.find(|row| row.is_named(path) && mentions_any(path, row))
}

/// Whether a file that somebody names has to be rendered: not what is a manifest in spite of the ending of a template.
pub(super) fn must_be_rendered(path: &Path, row: &RenderedFile) -> bool {
    let text = || fs::read_to_string(path).unwrap_or_default();
    row.form != RenderedForm::Template || placeholders::is_placeholder(&text())
}

/// Whether a template may become a manifest: not one of a mapping that shows its keys, and no apiVersion among them.
fn may_become_manifest(text: &str) -> bool {
    let is_key = |line: &str| {
        let key = line.split_once(':').map_or("", |(key, _)| key);
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let is_expression = |line: &str| line.starts_with(['{', '<', '%']);
    text.contains("apiVersion") || text.lines().any(is_expression) || !text.lines().any(is_key)
}

/// Whether a file contains one of the texts of a row. One that cannot be read may.
fn mentions_any(path: &Path, row: &RenderedFile) -> bool {
    if row.mentions().next().is_none() {
        let text = || fs::read_to_string(path).unwrap_or_default();
        return row.form != RenderedForm::Template || may_become_manifest(&text());
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| match row.form {
        RenderedForm::Archive => MultiGzDecoder::new(BufReader::new(file))
            .take(MAX_ARCHIVE_BYTES)
            .read_to_end(&mut bytes),
        _ => file.take(MAX_FILE_MIB << 20).read_to_end(&mut bytes),
    });
    let text = String::from_utf8_lossy(&bytes);
    read.is_err() || row.mentions().any(|mention| text.contains(mention))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::tests::{BUDGET, gaps, read_tree, tree};

    /// What becomes a gap of a file beside a good manifest.
    fn gap_of(path: &str, text: &[u8]) -> Option<String> {
        let dir = tree(&[("good.yaml", BUDGET.as_bytes()), (path, text)]);
        let files = read_tree(&dir);
        assert_eq!(files.objects.len(), 1, "{path}");
        let gaps = gaps(&files, &dir);
        assert!(
            gaps.len() < 2 && gaps.iter().all(|gap| gap.starts_with(path)),
            "{gaps:?}"
        );
        gaps.into_iter().next()
    }

    #[test]
    fn files_that_are_rendered_are_gaps() {
        let body = BUDGET.as_bytes();
        for path in [
            "pdb.yaml.in",
            "pdb.yml.hbs",
            "pdb.json.ejs",
            "pdb.yaml.mako",
            "pdb.yaml.sops",
            "pdb.yaml.gz",
            "main.libsonnet",
            "main.k",
            "pdb.yaml.pkl",
            "package.dhall",
            "pdb.star",
            "pdb.json5",
            "main.tf",
            "helmfile.d/10-cart.yaml",
            "helmfile-shop.yaml",
            "helmfile.yaml.gotmpl",
            "helmfile.d/20-till.yaml.gotmpl",
            "main.tofu",
            "main.tf.json",
            "cdk8s.yaml",
            "Kptfile",
            "fleet.yaml",
        ] {
            let mut text = body.to_vec();
            text.extend(b"# \"kubernetes_ingress\" pipeline: chart: releases:");
            let gap = gap_of(path, &text).unwrap_or_default();
            assert!(
                gap.starts_with(&format!("{path}: not rendered: ")),
                "{path} {gap}"
            );
        }
    }

    #[test]
    fn files_that_only_share_a_name_with_them_are_none() {
        for path in [
            "Makefile.in",
            "page.hbs",
            "notes.txt.gz",
            "lib.libsonnet",
            "Dockerfile.k",
            "rules.star",
            "main.tf",
            ".json5",
            "Kptfile",
            "fleet.yaml",
            "helmfile.d/README.md",
            "helmfile-notes.yaml",
        ] {
            assert_eq!(gap_of(path, b"a: 1\n"), None, "{path}");
        }
    }

    #[test]
    fn templates_of_other_files_are_none() {
        for (path, text, is_gap) in [
            (
                "docker-compose.yml.j2",
                "version: '3'\nservices: {a: {image: '{{ x }}'}}\n",
                false,
            ),
            ("phpunit.yaml.dist", "suites: [a]\n", false),
            ("values.yaml.gotmpl", "image: {{ .Values.image }}\n", false),
            ("all.yaml.j2", "{% include 'pdb.yaml' %}\n", true),
            ("all.yaml.tmpl", "{{ template \"pdb\" . }}\n", true),
            (
                "pdb.yaml.age",
                "-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n",
                true,
            ),
            ("pdb.yaml.gz", "\u{1f}\u{8b}", true),
        ] {
            assert_eq!(gap_of(path, text.as_bytes()).is_some(), is_gap, "{path}");
        }
    }

    #[test]
    fn archives_of_charts_and_manifests_are_gaps() {
        let packed = |text: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text).expect("memory");
            encoder.finish().expect("memory")
        };
        for path in ["charts/cart-1.0.0.tgz", "deploy.tar.gz"] {
            assert!(gap_of(path, &packed(b"cart/Chart.yaml\0\0name: cart")).is_some());
            assert!(gap_of(path, &packed(BUDGET.as_bytes())).is_some());
            assert_eq!(gap_of(path, &packed(b"README.md\0\0# none")), None);
        }
    }

    #[test]
    fn texts_in_place_of_a_manifest_are_gaps() {
        for (path, text) in [
            (
                "a.yaml",
                "version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 9\n",
            ),
            ("a.yml", "404: Not Found"),
            ("a.json", "<html>\n"),
            ("a.yaml", "Error: no\n"),
            ("a.yaml", "Error: no: more\n"),
            ("a.yaml", "../b.yaml"),
            (
                "a.yaml",
                "generateName: a\nkind: Job\nmetadata: {generateName: a-}\n",
            ),
            ("a.yaml", "apiversion: v1\nKind: Pod\nmetadata: {name: a}\n"),
        ] {
            assert!(gap_of(path, text.as_bytes()).is_some(), "{text}");
        }
        for (path, text) in [
            ("values.yaml", "replicas: 1\n"),
            ("empty.yaml", ""),
            ("comment.yaml", "# none\n"),
            ("tsconfig.json", "// x\n{\"a\": {\"b\": 1,},}\n"),
            (
                "labels.yaml",
                "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: a}\n",
            ),
        ] {
            assert_eq!(gap_of(path, text.as_bytes()), None, "{text}");
        }
    }
}
