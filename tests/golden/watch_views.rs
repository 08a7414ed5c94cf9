//! The live view of recorded upgrades, on terminals of several widths: in the middle, or where they are stuck.

use jiff::{SignedDuration, Timestamp};
use kubectl_upgrade::api::v1::UpgradeEvent;
use kubectl_upgrade::cli::live_view;
use kubectl_upgrade::need::ClusterId;
use kubectl_upgrade::report::{LiveView, LiveViewState, draw_live_view};
use kubectl_upgrade::watch::{
    EventKind, Observation, Recording, UpgradeGoal, UpgradeWatch, WatchOptions,
};
use libtest_mimic::Trial;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::{CATALOG, case, golden, picture, watch};

const WIDTHS: [u16; 4] = [60, 80, 120, 200];
const ROWS: u16 = 40;

pub(crate) fn trials() -> Vec<Trial> {
    let names = golden::stems(watch::FOLDER, ".jsonl").into_iter();
    let trial = |name: String| {
        case("views", &name.clone(), move || {
            let view = telling_view(watch::watch(&name), watch::observations(&name));
            compare(&name, &view);
        })
    };
    let rollout = case("views", "rollout", || compare("rollout", &rollout()));
    let pictures = case("views", "pictures", pictures);
    names.map(trial).chain([rollout, pictures]).collect()
}

fn rollout() -> LiveView {
    let file = golden::in_repository("examples/rollout.recording");
    let recording = Recording::open(&file).expect("a recording");
    let options = WatchOptions {
        platform: None,
        goal: Some(UpgradeGoal::Given("1.25".parse().expect("a version"))),
        stall_after: SignedDuration::from_mins(5),
    };
    let upgrade = UpgradeWatch::new(ClusterId("shop".to_owned()), *CATALOG, options);
    let observations = recording.map(|observation| observation.expect("an observation"));
    telling_view(upgrade, observations.collect())
}

/// The view a minute after the upgrade was first seen to be stuck, or else half-way through the observations.
fn telling_view(mut upgrade: UpgradeWatch<'_>, observations: Vec<Observation>) -> LiveView {
    let half = observations.len() / 2;
    let (mut events, mut stall) = (Vec::new(), None);
    let mut view = None;
    for (number, observation) in observations.iter().enumerate() {
        for event in upgrade.observe(observation) {
            let document = UpgradeEvent::new(&event);
            if matches!(event.kind, EventKind::Stall | EventKind::Blocker) {
                stall = stall.or_else(|| Some(document.clone()));
            }
            events.push(document);
        }
        let of = |at: Timestamp| live_view(&upgrade, at, stall.as_ref(), events.clone());
        if stall.is_some() {
            return of(observation.at + SignedDuration::from_mins(1)).expect("a picture");
        }
        if number <= half {
            view = of(observation.at).or(view);
        }
    }
    view.expect("a picture")
}

/// The pictures of the pages: a terminal of 100 columns.
fn pictures() {
    let of = |name: &str| telling_view(watch::watch(name), watch::observations(name));
    for (name, view, rows) in [
        ("watch-stuck", of("cluster-api-drain-hangs"), 32),
        ("watch", rollout(), 32),
        ("watch-chained", of("cluster-api-chained"), 32),
    ] {
        let screen = ansi(&buffer(&view, 100, rows));
        let file = format!("docs/img/{name}.svg");
        golden::compare(&file, &picture::svg("kubectl upgrade-watch", &screen, 100));
    }
}

fn compare(name: &str, view: &LiveView) {
    let shown = WIDTHS.map(|width| {
        let lines = lines(&buffer(view, width, ROWS));
        format!("== {width} columns\n{}", lines.concat())
    });
    golden::compare(
        &format!("{}/views/{name}.txt", watch::FOLDER),
        &shown.concat(),
    );
}

fn buffer(view: &LiveView, width: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, rows)).expect("a terminal");
    let draw = |frame: &mut ratatui::Frame<'_>| {
        draw_live_view(frame, view, LiveViewState::default(), true);
    };
    terminal.draw(draw).expect("a frame");
    terminal.backend().buffer().clone()
}

/// The rows as text.
fn lines(buffer: &Buffer) -> Vec<String> {
    let rows = buffer.content().chunks(buffer.area.width.into());
    let text = |row: &[Cell]| row.iter().map(Cell::symbol).collect::<String>();
    rows.map(|row| text(row).trim_end().to_owned() + "\n")
        .collect()
}

/// The rows in colors, as sequences of our own styles.
fn ansi(buffer: &Buffer) -> String {
    let rows = buffer.content().chunks(buffer.area.width.into());
    let rows = rows.map(|row| {
        let mut line = String::new();
        let mut last = "0";
        for cell in row {
            let code = match (cell.fg, cell.modifier) {
                (Color::Yellow, _) => "33",
                (Color::Green, _) => "32",
                (_, Modifier::BOLD) => "1",
                (_, Modifier::DIM) => "2",
                _ => "0",
            };
            if code != last {
                line += &format!("\u{1b}[{code}m");
                last = code;
            }
            line += cell.symbol();
        }
        line.trim_end().to_owned() + "\u{1b}[0m\n"
    });
    rows.collect()
}
