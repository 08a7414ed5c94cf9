//! What the proxies recorded, over all faults: reads that were planned, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};

use crate::proxy::Seen;
use crate::world::Stage;

/// What may be asked that is no list, and the reviews that only ask what is allowed.
const PAGES: [&str; 4] = ["/version", "/apis", "/metrics", "/readyz"];
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubject";

/// Judges everything that went over the wire; to be run after all other trials.
pub(crate) fn trials(stage: &Arc<Stage>) -> Vec<Trial> {
    let stage = Arc::clone(stage);
    vec![Trial::test("recording::nothing_but_reads", move || {
        nothing_but_reads(&stage.recording())
    })]
}

fn nothing_but_reads(recording: &[Seen]) -> Result<(), Failed> {
    let strange: BTreeSet<String> = recording
        .iter()
        .filter(|seen| !is_a_read(seen))
        .map(|seen| format!("{} {}?{}", seen.method, seen.path, seen.query))
        .collect();
    if strange.is_empty() {
        return Ok(());
    }
    Err(format!("of {} requests: {strange:#?}", recording.len()).into())
}

fn is_a_read(seen: &Seen) -> bool {
    let asks = seen.method == "POST" && seen.path.starts_with(REVIEWS);
    let reads = seen.method == "GET"
        && seen.body.is_empty()
        && (PAGES.contains(&seen.path.as_str()) || is_a_list(&seen.path))
        // A watch is a GET, too.
        && (!seen.query.contains("watch=") || is_from_the_watch(seen));
    asks || reads
}

fn is_from_the_watch(seen: &Seen) -> bool {
    let agent = seen.header("user-agent");
    agent.is_some_and(|agent| agent.starts_with("kubectl-upgrade-watch/"))
}

/// `/api/v1/pods`, `/apis/apps/v1/deployments`, and the same in a namespace; never a single object or a subresource.
fn is_a_list(path: &str) -> bool {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let rest = match segments.as_slice() {
        ["api", "v1", rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => return false,
    };
    matches!(rest, [_] | ["namespaces", _, _])
}
