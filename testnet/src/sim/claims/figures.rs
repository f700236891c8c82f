//! The figures of docs/DESIGN.md: each step of the algorithm beside those before it, drawn as small SVG files that can
//! be read on light and on dark ground.

use std::fmt::Write as _;

use super::{Coordination, Report, table};

const WIDTH: u32 = 640;
const ROW: u32 = 26;
/// Where bars begin, and how long the longest is.
const LEFT: u32 = 140;
const LONGEST: f64 = 330.0;

/// What is shown of each step: its title, its unit, the figure, and the most that a bar shows.
type Panel = (&'static str, &'static str, fn(&Report) -> f64, f64);

const PANELS: [Panel; 3] = [
    ("work done in vain", " %", |report| report.work_wasted * 100.0, 100.0),
    (
        "time until all is done, as a multiple of a central queue's",
        " ×",
        |report| report.finish_vs_central,
        4.0,
    ),
    ("messages a job", "", |report| report.messages_per_job, 60.0),
];

/// Files by name: one for each step.
#[must_use]
pub fn draw(nodes: u32, jobs: u32, loss: u32) -> Vec<(String, String)> {
    let steps = table::steps(loss, nodes, jobs);
    let caption = format!("{nodes} nodes, {jobs} jobs, {loss} % of all messages lost, seed 1");
    (1..=steps.len())
        .map(|shown| {
            let name = format!("claims-{shown}-{}.svg", super::value_name(&steps[shown - 1].0));
            (name, figure(&caption, &steps[..shown]))
        })
        .collect()
}

fn figure(caption: &str, steps: &[(Coordination, Report)]) -> String {
    let rows = steps.len() as u32 + 1;
    let panel = rows * ROW + 34;
    let height = panel * PANELS.len() as u32 + 24;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n<title>{caption}</title>\n<style>text{{fill:#222}}\
         .h{{font-weight:bold}}.q{{fill:#666}}.b{{fill:#9ab}}.n{{fill:#c50}}.c{{fill:#bbb}}@media \
         (prefers-color-scheme:dark){{text{{fill:#ddd}}.q{{fill:#999}}.b{{fill:#579}}.n{{fill:#f83}}.c{{fill:#555}}}}\
         </style>\n"
    );
    for (number, (title, unit, figure, most)) in (0..).zip(PANELS) {
        let top = number * panel;
        let _ = writeln!(svg, "<text class=\"h\" x=\"0\" y=\"{}\">{title}</text>", top + 18);
        let mut bar = |row: u32, name: &str, class: &str, value: f64| {
            let y = top + 26 + row * ROW;
            let length = (value / most).min(1.0) * LONGEST;
            let beyond = if value > most { ", more than fits" } else { "" };
            let digits = if value > 0.0 { usize::from(value < 10.0) + usize::from(value < 1.0) } else { 0 };
            let _ = writeln!(
                svg,
                "<text x=\"0\" y=\"{}\">{name}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" \
                 height=\"{}\"/><text x=\"{:.1}\" y=\"{}\">{value:.digits$}{unit}{beyond}</text>",
                y + 14,
                ROW - 8,
                f64::from(LEFT) + length + 6.0,
                y + 14,
            );
        };
        for (row, (coordination, report)) in (0..).zip(steps) {
            let class = if row as usize + 1 == steps.len() { "n" } else { "b" };
            bar(row, label(*coordination), class, figure(report));
        }
        let central = [0.0, 1.0, 2.0][number as usize];
        bar(rows - 1, label(Coordination::Central), "c", central);
    }
    let _ = writeln!(svg, "<text class=\"q\" x=\"0\" y=\"{}\">{caption}</text>\n</svg>", height - 6);
    svg
}

fn label(coordination: Coordination) -> &'static str {
    match coordination {
        Coordination::None => "no coordination",
        Coordination::Gossip => "claims are told",
        Coordination::Rank => "+ rank order",
        Coordination::Sync => "+ comparing",
        Coordination::Witness => "+ witnesses",
        Coordination::Central => "a central queue",
    }
}
