//! How many videos were found, and how many of them on each site and of each length.

use std::collections::BTreeMap;

use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader, TantivyError,
    collector::{Collector, SegmentCollector},
    columnar::{Column, StrColumn},
};

use super::{Length, index};

/// Collects and is what was collected.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub(super) total: u64,
    pub(super) sites: BTreeMap<String, u64>,
    pub(super) lengths: [u64; Length::ALL.len()],
}

/// The collector.
pub(super) struct Counts;

pub(super) struct InSegment {
    sites: Option<StrColumn>,
    durations: Column<u64>,
    total: u64,
    of_site: Vec<u64>,
    lengths: [u64; Length::ALL.len()],
}

impl Collector for Counts {
    type Fruit = Counted;
    type Child = InSegment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> Result<InSegment, TantivyError> {
        let sites = segment.fast_fields().str(index::SITE)?;
        let of_site = vec![0; sites.as_ref().map_or(0, |sites| sites.num_terms())];
        let durations = segment.fast_fields().u64(index::DURATION)?;
        Ok(InSegment { sites, durations, total: 0, of_site, lengths: Default::default() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Counted>) -> Result<Counted, TantivyError> {
        let mut all = Counted::default();
        for one in segments {
            all.total += one.total;
            one.sites.into_iter().for_each(|(site, count)| *all.sites.entry(site).or_default() += count);
            all.lengths.iter_mut().zip(one.lengths).for_each(|(sum, count)| *sum += count);
        }
        Ok(all)
    }
}

impl SegmentCollector for InSegment {
    type Fruit = Counted;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.total += 1;
        let site = self.sites.as_ref().and_then(|sites| sites.ords().first(doc));
        if let Some(count) = site.and_then(|site| self.of_site.get_mut(usize::try_from(site).ok()?)) {
            *count += 1;
        }
        let length = Length::of(self.durations.first(doc).unwrap_or(0));
        self.lengths[length as usize] += 1;
    }

    fn harvest(self) -> Counted {
        let mut sites = BTreeMap::new();
        for (site, count) in (0..).zip(self.of_site).filter(|(_, count)| *count > 0) {
            let mut name = String::new();
            if self.sites.as_ref().is_some_and(|sites| sites.ord_to_str(site, &mut name).unwrap_or(false)) {
                sites.insert(name, count);
            }
        }
        Counted { total: self.total, sites, lengths: self.lengths }
    }
}
