//! A smaller run that breaks the same kind of thing: what is left is what it takes.

use super::{Broken, Cut, Options, Report};

/// Halves and leaves out what it can, again and again, as long as `fails` says that the run still fails. `told` hears
/// of each smaller one.
pub fn shrink(
    options: &Options,
    fails: &mut impl FnMut(&Options) -> bool,
    told: &mut impl FnMut(&Options),
) -> Options {
    let mut best = options.clone();
    loop {
        let Some(smaller) = smaller(&best).into_iter().find(|smaller| fails(smaller)) else { return best };
        told(&smaller);
        best = smaller;
    }
}

/// Whether two nodes held one epoch, or jobs were lost: a run that broke one is not shrunk to one that broke the other.
#[must_use]
pub fn same_kind(report: &Report, of: &Report) -> bool {
    let kinds = |report: &Report| {
        let two = |broken: &Broken| matches!(broken, Broken::TwoHolders { .. });
        (report.broken.iter().any(two), report.broken.iter().any(|broken| !two(broken)))
    };
    let (found, wanted) = (kinds(report), kinds(of));
    (found.0 && wanted.0) || (found.1 && wanted.1)
}

/// Options that are a little less, those that save most first.
fn smaller(options: &Options) -> Vec<Options> {
    let mut all = Vec::new();
    let mut offer = |change: &dyn Fn(&mut Options)| {
        let mut smaller = options.clone();
        change(&mut smaller);
        if smaller != *options {
            all.push(smaller);
        }
    };
    offer(&|options| options.jobs = (options.jobs / 2).max(1));
    offer(&|options| options.nodes = (options.nodes / 2).max(2));
    offer(&|options| options.cut = Cut::default());
    offer(&|options| options.liars = 0);
    offer(&|options| options.crash_every_s = 0);
    offer(&|options| options.loss = 0);
    offer(&|options| options.until_s = if options.until_s == 0 { 3_600 } else { options.until_s / 2 });
    offer(&|options| options.jobs -= options.jobs / 8);
    offer(&|options| options.nodes -= options.nodes / 8);
    offer(&|options| options.cut.seconds /= 2);
    offer(&|options| options.loss /= 2);
    offer(&|options| options.until_s -= options.until_s / 8);
    // Nothing lasts until second 0, which means to the end.
    all.retain(|smaller| smaller.until_s > 0 || options.until_s == 0);
    all
}
