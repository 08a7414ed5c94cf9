use jiff::SignedDuration;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{
    InFlightRow, LiveView, LiveViewState, PhaseRow, StuckChain, draw_live_view, live_view_text,
};
use crate::api::v1::{
    API_VERSION, DurationDoc, EventObjectDoc, EventScopeDoc, EventTypeDoc, PhaseDoc, PoolDoc,
    UpgradeEvent, UpgradeProgressDoc,
};
use crate::report::{RenderOptions, Styles};

fn event(kind: EventTypeDoc, message: &str) -> UpgradeEvent {
    UpgradeEvent {
        api_version: API_VERSION.to_owned(),
        kind: "UpgradeEvent".to_owned(),
        time: "2026-11-30T02:04:05.000Z".to_owned(),
        event_type: kind,
        scope: EventScopeDoc {
            level: "cluster".to_owned(),
            name: "shop".to_owned(),
        },
        message: message.to_owned(),
        objects: Vec::new(),
        progress: UpgradeProgressDoc {
            done: 13,
            total: 40,
            percent: 32,
            phase: PhaseDoc::Nodes,
            started_at: None,
            eta_seconds: Some(DurationDoc {
                low: Some(165),
                high: Some(559),
            }),
            basis: "13 finished nodes in 8m".to_owned(),
        },
        pools: Vec::new(),
        chain: Vec::new(),
        wait: None,
        step: None,
        age: 42,
    }
}

fn object(kind: &str, namespace: Option<&str>, name: &str, why: &str) -> EventObjectDoc {
    EventObjectDoc {
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        why: why.to_owned(),
    }
}

/// `pools` pools of four nodes, the first `finished` of them done.
fn view(pools: usize, finished: usize) -> LiveView {
    let mut picture = event(
        EventTypeDoc::Picture,
        "upgrade to 1.37: API server v1.37.0, 13 of 40 nodes upgraded",
    );
    let pool = |number| PoolDoc {
        name: Some(format!("pool-{number}")),
        control_plane: false,
        nodes: 4,
        done: if number < finished { 4 } else { 1 },
        settling: usize::from(number >= finished),
    };
    picture.pools = (0..pools).map(pool).collect();
    LiveView {
        picture,
        elapsed: Some(SignedDuration::from_mins(12)),
        outage: Some((
            "The API server has not answered for",
            SignedDuration::from_secs(37),
        )),
        chains: vec![StuckChain {
            cause: "image-pull".to_owned(),
            since: Some(SignedDuration::from_mins(25)),
            links: vec![
                object("Node", None, "gold-2", "has been cordoned for 25m"),
                object("Pod", Some("shop"), "web-1", "is still there"),
                object(
                    "PodDisruptionBudget",
                    Some("shop"),
                    "web",
                    "allows no eviction: 2 of 3 healthy, 3 required",
                ),
                object(
                    "Pod",
                    Some("shop"),
                    "web-2\u{1b}[2J",
                    "is not ready: the image cannot be pulled",
                ),
            ],
            command: "kubectl describe pod web-2 -n shop".to_owned(),
            advice: "Fix the image reference, the registry or the pull secret".to_owned(),
        }],
        plan: None,
        phases: vec![PhaseRow {
            name: "nodes".to_owned(),
            done: Some((13, 40)),
            status: "running".to_owned(),
        }],
        control_plane: vec![["API server".into(), "v1.37.0".into(), String::new()]],
        in_flight: vec![InFlightRow {
            name: "a\u{1b}[2J".to_owned(),
            pool: String::new(),
            status: "draining: 12 of 30 pods left".to_owned(),
            evicted: Some((18, 30)),
            since: Some(SignedDuration::from_mins(4)),
            notes: vec!["FailedMount pod/web (x3): no such volume".to_owned()],
        }],
        more_in_flight: 3,
        events: (0..40)
            .map(|number| event(EventTypeDoc::Progress, &format!("event {number}")))
            .collect(),
        notes: vec!["note: the credentials were refreshed".to_owned()],
    }
}

/// The rows of a terminal of this size, and the first line that is shown.
fn drawn(view: &LiveView, state: LiveViewState, columns: u16, rows: u16) -> (String, usize) {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
    let mut scroll = 0;
    let draw = |frame: &mut ratatui::Frame<'_>| scroll = draw_live_view(frame, view, state, true);
    terminal.draw(draw).expect("a frame");
    let buffer = terminal.backend().buffer();
    let cells = buffer.content().chunks(usize::from(columns));
    let lines = cells.map(|row| {
        let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        row.trim_end().to_owned() + "\n"
    });
    (lines.collect(), scroll)
}

#[test]
fn a_view_begins_with_the_summary_and_shows_each_link_of_a_chain() {
    let (shown, _) = drawn(&view(2, 1), LiveViewState::default(), 120, 36);
    let summary = "shop: upgrade to 1.37: API server v1.37.0, 13 of 40 nodes upgraded\n\
        nodes  13/40  32%  12m elapsed  2m45s to 9m19s left, by 13 finished nodes in 8m\n\
        ! The API server has not answered for 37s: this is the state of 42s ago\n";
    assert!(shown.starts_with(summary), "{shown}");
    let chain = "STUCK\n\
        ! image-pull (for 25m)\n\
        \u{20} node/gold-2 has been cordoned for 25m\n\
        \u{20} └ pod/shop/web-1 is still there\n\
        \u{20}   └ poddisruptionbudget/shop/web allows no eviction: 2 of 3 healthy, 3 required\n\
        \u{20}     └ pod/shop/web-2^[[2J is not ready: the image cannot be pulled\n\
        \u{20} show: kubectl describe pod web-2 -n shop\n\
        \u{20} what to do: Fix the image reference, the registry or the pull secret\n";
    assert!(shown.contains(chain), "{shown}");
}

#[test]
fn finished_pools_fold_and_come_back() {
    let many = view(60, 41);
    let (shown, _) = drawn(&many, LiveViewState::default(), 80, 60);
    assert!(!shown.contains("pool-40 "), "{shown}");
    assert!(shown.contains("pool-41 "), "{shown}");
    assert!(
        shown.contains("+ 11 more pools\n+ 41 finished pools"),
        "{shown}"
    );
    let unfolded = LiveViewState {
        is_folded: false,
        ..LiveViewState::default()
    };
    let (shown, _) = drawn(&many, unfolded, 80, 200);
    assert_eq!(shown.matches("pool-").count(), 60, "{shown}");
}

#[test]
fn scrolling_ends_with_the_last_line() {
    let state = LiveViewState {
        scroll: usize::MAX,
        is_folded: false,
        ..LiveViewState::default()
    };
    let (shown, scroll) = drawn(&view(20, 3), state, 80, 24);
    assert!(shown.contains("event 0\n"), "{shown}");
    assert!(shown.contains(&format!("↑ {scroll}")), "{shown}");
    assert!(
        shown.starts_with("shop: upgrade to 1.37"),
        "the summary stays: {shown}"
    );
}

#[test]
fn it_fits_any_terminal_and_a_narrow_one_says_what_it_needs() {
    for columns in [1, 10, 59, 60, 80, 200] {
        for rows in [1, 2, 5, 10, 24, 60] {
            for is_paused in [false, true] {
                let state = LiveViewState {
                    is_paused,
                    ..LiveViewState::default()
                };
                let (shown, _) = drawn(&view(30, 3), state, columns, rows);
                assert!(!shown.contains('\u{1b}'));
                assert_eq!(columns == 59, shown.contains("needs 60 columns"));
            }
        }
    }
}

#[test]
fn without_color_a_frame_has_no_style_and_says_the_same() {
    let mut terminal = Terminal::new(TestBackend::new(80, 60)).expect("a terminal");
    let draw = |frame: &mut ratatui::Frame<'_>| {
        draw_live_view(frame, &view(9, 3), LiveViewState::default(), false);
    };
    terminal.draw(draw).expect("a frame");
    let cells = terminal.backend().buffer().content();
    assert!(
        cells
            .iter()
            .all(|cell| cell.modifier.is_empty() && cell.fg == ratatui::style::Color::Reset)
    );
    let plain = live_view_text(&view(9, 3), &RenderOptions::default());
    let look = RenderOptions {
        styles: Styles::new(true),
        ..RenderOptions::default()
    };
    let colored = live_view_text(&view(9, 3), &look);
    assert_eq!(console::strip_ansi_codes(&colored), plain);
    assert!(!plain.contains('\u{1b}'), "{plain}");
}

#[test]
fn keys_are_named_only_if_they_are_read() {
    let state = LiveViewState {
        has_keys: false,
        ..LiveViewState::default()
    };
    let (with, _) = drawn(&view(1, 0), LiveViewState::default(), 80, 24);
    let (without, _) = drawn(&view(1, 0), state, 80, 24);
    assert!(with.contains("q quit") && !without.contains("q quit"));
}
