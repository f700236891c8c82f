//! The index on the disk, by tantivy. Besides `clauses` and `counts` the only file that knows it.

use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use horahora_protocol::VideoId;
use tantivy::{
    DocAddress, Index, IndexReader, IndexWriter, Order, ReloadPolicy, Searcher, TantivyDocument,
    TantivyError, Term,
    collector::{Count, TopDocs},
    query::{AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query as Clause, RangeQuery},
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
        Value as _,
    },
    tokenizer::{PreTokenizedString, Token},
};

use super::{
    Document, Found, Page, Query, Sort,
    clauses::{exact, in_field, maker_term},
    counts::{Counted, Counts},
    query::{In, Part},
    words,
};

/// What the indexing thread may collect before it writes a segment: the least that tantivy takes.
const ARENA_BYTES: usize = 15_000_000;
/// A word of the title says more than one of a tag, and that more than one of a name.
const TITLE_BOOST: f32 = 3.0;
const TAGS_BOOST: f32 = 1.5;
/// Names of the fields, as collectors want them.
pub(super) const SITE: &str = "site";
pub(super) const DURATION: &str = "duration";
pub(super) const VIEWS: &str = "views";
pub(super) const RATING: &str = "rating";
pub(super) const KEY: &str = "key";
pub(super) const PRINT: &str = "print";

#[derive(Debug, Clone, Copy)]
struct Fields {
    key: Field,
    print: Field,
    id: Field,
    title: Field,
    tags: Field,
    creator: Field,
    tag: Field,
    maker: Field,
    site: Field,
    published: Field,
    added: Field,
    duration: Field,
    public: Field,
    gone: Field,
    views: Field,
    rating: Field,
}

/// The index. Clones share it.
#[derive(Clone)]
pub(super) struct Shelves {
    fields: Fields,
    reader: IndexReader,
    writer: Arc<Mutex<IndexWriter>>,
}

impl std::fmt::Debug for Shelves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shelves({} videos)", self.reader.searcher().num_docs())
    }
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    // Texts come as tokens: the name of the tokenizer is of no meaning.
    let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexing);
    let fields = Fields {
        key: schema.add_u64_field(KEY, INDEXED | FAST),
        print: schema.add_u64_field(PRINT, FAST),
        id: schema.add_text_field("id", STORED),
        title: schema.add_text_field("title", text.clone()),
        tags: schema.add_text_field("tags", text.clone()),
        creator: schema.add_text_field("creator", text),
        tag: schema.add_text_field("tag", STRING),
        maker: schema.add_text_field("maker", STRING),
        site: schema.add_text_field(SITE, STRING | FAST),
        published: schema.add_u64_field("published", FAST),
        added: schema.add_u64_field("added", FAST),
        duration: schema.add_u64_field(DURATION, FAST),
        public: schema.add_bool_field("public", INDEXED),
        gone: schema.add_bool_field("gone", INDEXED),
        views: schema.add_u64_field(VIEWS, FAST),
        rating: schema.add_u64_field(RATING, FAST),
    };
    (schema.build(), fields)
}

/// The first eight bytes of the BLAKE3 hash: a document's key is that of its video's key in the store.
pub(super) fn number(bytes: &[u8]) -> u64 {
    let hash = blake3::hash(bytes);
    u64::from_be_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

impl Shelves {
    /// Opens or makes the index in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, TantivyError> {
        std::fs::create_dir_all(dir)?;
        let (schema, fields) = schema();
        let index = Index::open_or_create(tantivy::directory::MmapDirectory::open(dir)?, schema)?;
        let writer = index.writer_with_num_threads(1, ARENA_BYTES)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { fields, reader, writer: Arc::new(Mutex::new(writer)) })
    }

    /// Key of each document and what it was made of.
    pub(super) fn prints(&self) -> Result<BTreeMap<u64, u64>, TantivyError> {
        let mut prints = BTreeMap::new();
        for segment in self.reader.searcher().segment_readers() {
            let (keys, made) = (segment.fast_fields().u64(KEY)?, segment.fast_fields().u64(PRINT)?);
            for doc in segment.doc_ids_alive() {
                prints.extend(keys.first(doc).zip(made.first(doc)));
            }
        }
        Ok(prints)
    }

    /// Takes the place of what is there of these keys: documents, or nothing. They are found when this returns.
    pub(super) fn put(&self, changes: &[(u64, Option<Document>)]) -> Result<(), TantivyError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, document) in changes {
            writer.delete_term(Term::from_field_u64(self.fields.key, *key));
            if let Some(document) = document {
                writer.add_document(self.document(*key, document))?;
            }
        }
        writer.commit()?;
        self.reader.reload()
    }

    fn document(&self, key: u64, from: &Document) -> TantivyDocument {
        let fields = &self.fields;
        let mut doc = TantivyDocument::new();
        doc.add_u64(fields.key, key);
        doc.add_u64(fields.print, from.print());
        doc.add_text(fields.id, from.id.as_str());
        doc.add_pre_tokenized_text(fields.title, tokens(&from.title));
        doc.add_pre_tokenized_text(fields.creator, tokens(&from.creator));
        for tag in &from.tags {
            doc.add_pre_tokenized_text(fields.tags, tokens(tag));
            doc.add_text(fields.tag, words::fold(tag));
        }
        if let Some(maker) = &from.creator_id {
            doc.add_text(fields.maker, maker_term(from.id.site(), maker));
        }
        doc.add_text(fields.site, from.id.site());
        if let Some(published) = from.published {
            doc.add_u64(fields.published, published);
        }
        doc.add_u64(fields.added, from.added);
        doc.add_u64(fields.duration, from.duration_ms);
        doc.add_bool(fields.public, from.public);
        doc.add_bool(fields.gone, from.gone);
        doc.add_u64(fields.views, from.views);
        doc.add_u64(fields.rating, from.rating);
        doc
    }

    /// How many there are that everybody may see.
    pub(super) fn public(&self) -> Result<u64, TantivyError> {
        let clause = exact(Term::from_field_bool(self.fields.public, true));
        Ok(self.reader.searcher().search(&clause, &Count)? as u64)
    }

    /// Looks for videos with any of these tags or by this creator, those with most and the rarest first.
    pub(super) fn near(
        &self,
        tags: &[String],
        creator: Option<&(String, String)>,
        everything: bool,
        limit: usize,
    ) -> Result<Vec<VideoId>, TantivyError> {
        let fields = &self.fields;
        let tags = tags.iter().map(|tag| exact(Term::from_field_text(fields.tag, &words::fold(tag))));
        let by = creator.map(|(site, id)| exact(Term::from_field_text(fields.maker, &maker_term(site, id))));
        let any = BooleanQuery::union(tags.chain(by).collect());
        let mut all: Vec<(Occur, Box<dyn Clause>)> = vec![(Occur::Must, Box::new(any))];
        if !everything {
            let public = exact(Term::from_field_bool(fields.public, true));
            all.push((Occur::Must, Box::new(ConstScoreQuery::new(public, 0.0))));
        }
        let searcher = self.reader.searcher();
        let top = TopDocs::with_limit(limit.max(1)).order_by_score();
        let docs = searcher.search(&BooleanQuery::new(all), &top)?;
        let ids = docs.into_iter().map(|(_, doc)| self.id(&searcher, doc)).collect::<Result<Vec<_>, _>>()?;
        Ok(ids.into_iter().flatten().collect())
    }

    /// Looks for videos.
    pub(super) fn find(&self, query: &Query, page: Page) -> Result<Found, TantivyError> {
        let searcher = self.reader.searcher();
        let clause = self.clause(query);
        let top = TopDocs::with_limit(page.limit.max(1)).and_offset(page.skip);
        let by = |field: &str, order| top_by(&searcher, &clause, page, field, order);
        let relevant = query.parts.iter().any(|part| !part.not && part.field != In::Site);
        let (docs, counts) = match query.sort {
            Sort::Relevance if relevant => {
                let (docs, counts) = searcher.search(&clause, &(top.order_by_score(), Counts))?;
                (docs.into_iter().map(|(_, doc)| doc).collect(), counts)
            }
            Sort::Relevance | Sort::Added => by("added", Order::Desc)?,
            Sort::Newest => by("published", Order::Desc)?,
            Sort::Oldest => by("published", Order::Asc)?,
            Sort::Longest => by(DURATION, Order::Desc)?,
            Sort::Shortest => by(DURATION, Order::Asc)?,
            Sort::Views => by(VIEWS, Order::Desc)?,
            Sort::Rating => by(RATING, Order::Desc)?,
        };
        let ids = docs.into_iter().map(|doc| self.id(&searcher, doc)).collect::<Result<Vec<_>, _>>()?;
        Ok(Found {
            ids: ids.into_iter().flatten().collect(),
            total: counts.total,
            sites: counts.sites,
            lengths: counts.lengths,
        })
    }

    fn id(&self, searcher: &Searcher, doc: DocAddress) -> Result<Option<VideoId>, TantivyError> {
        let doc: TantivyDocument = searcher.doc(doc)?;
        Ok(doc.get_first(self.fields.id).and_then(|id| id.as_str()).and_then(|id| id.parse().ok()))
    }

    fn clause(&self, query: &Query) -> BooleanQuery {
        let mut all: Vec<(Occur, Box<dyn Clause>)> =
            vec![(Occur::Must, Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0)))];
        let mut must =
            |clause: Box<dyn Clause>| all.push((Occur::Must, Box::new(ConstScoreQuery::new(clause, 0.0))));
        if !query.everything {
            must(exact(Term::from_field_bool(self.fields.public, true)));
        }
        if query.gone {
            must(exact(Term::from_field_bool(self.fields.gone, true)));
        }
        if let Some((site, id)) = &query.creator {
            must(exact(Term::from_field_text(self.fields.maker, &maker_term(site, id))));
        }
        if !query.sites.is_empty() {
            let sites = query.sites.iter().map(|site| exact(Term::from_field_text(self.fields.site, site)));
            must(Box::new(BooleanQuery::union(sites.collect())));
        }
        if let Some(length) = query.length {
            must(self.between(self.fields.duration, length.bounds_ms()));
        }
        if query.published != (None, None) {
            must(self.between(self.fields.published, query.published));
        }
        for part in &query.parts {
            let Some(clause) = self.part(part) else { continue };
            all.push((if part.not { Occur::MustNot } else { Occur::Must }, clause));
        }
        BooleanQuery::new(all)
    }

    /// Values from the first on and below the second.
    fn between(&self, field: Field, (from, to): (Option<u64>, Option<u64>)) -> Box<dyn Clause> {
        let term = |value| Term::from_field_u64(field, value);
        let from = Bound::Included(term(from.unwrap_or(0)));
        Box::new(RangeQuery::new(from, to.map_or(Bound::Unbounded, |to| Bound::Excluded(term(to)))))
    }

    /// None for what holds nothing to look for, such as a dash.
    fn part(&self, part: &Part) -> Option<Box<dyn Clause>> {
        let fields = &self.fields;
        let phrase = words::phrase(&part.text);
        match part.field {
            In::Tag => Some(exact(Term::from_field_text(fields.tag, &words::fold(&part.text)))),
            In::Site => Some(exact(Term::from_field_text(fields.site, &part.text.to_lowercase()))),
            In::Creator => in_field(fields.creator, &phrase),
            In::Anything => {
                let boosted = [(fields.title, TITLE_BOOST), (fields.tags, TAGS_BOOST), (fields.creator, 1.0)];
                let clauses = boosted.into_iter().filter_map(|(field, boost)| {
                    Some(Box::new(BoostQuery::new(in_field(field, &phrase)?, boost)) as Box<dyn Clause>)
                });
                let clauses: Vec<_> = clauses.collect();
                (!clauses.is_empty()).then(|| Box::new(BooleanQuery::union(clauses)) as Box<dyn Clause>)
            }
        }
    }
}

fn top_by(
    searcher: &Searcher,
    clause: &BooleanQuery,
    page: Page,
    field: &str,
    order: Order,
) -> Result<(Vec<DocAddress>, Counted), TantivyError> {
    let top = TopDocs::with_limit(page.limit.max(1)).and_offset(page.skip);
    let (docs, counts) = searcher.search(clause, &(top.order_by_fast_field::<u64>(field, order), Counts))?;
    Ok((docs.into_iter().map(|(_, doc)| doc).collect(), counts))
}

fn tokens(text: &str) -> PreTokenizedString {
    let tokens = words::tokens(text).into_iter();
    let tokens = tokens.map(|token| Token {
        position: token.place,
        text: token.text,
        position_length: 1,
        ..Token::default()
    });
    PreTokenizedString { text: String::new(), tokens: tokens.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Length, query};

    fn document(id: &str, title: &str, tags: &[&str], minutes: u64) -> Document {
        Document {
            id: id.parse().unwrap(),
            title: title.to_owned(),
            creator: if id.ends_with('1') { "teapotpourri" } else { "豆腐工場P" }.to_owned(),
            creator_id: Some("12".to_owned()),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            published: Some(minutes * 1_000),
            added: minutes,
            duration_ms: minutes * 60_000,
            public: !title.contains("private"),
            gone: false,
            views: minutes * 10,
            rating: 100 - minutes,
        }
    }

    fn put(shelves: &Shelves, document: Document) {
        shelves.put(&[(number(document.id.as_str().as_bytes()), Some(document))]).unwrap();
    }

    fn shelves(dir: &Path) -> Shelves {
        let shelves = Shelves::open(dir).unwrap();
        put(
            &shelves,
            document(
                "niconico:sm1",
                "【音MAD】真夜中の自動販売機だけで「夜想曲」",
                &["音MAD", "才能の無駄遣い"],
                3,
            ),
        );
        put(&shelves, document("niconico:sm2", "8ビット盆踊り 2011 全景", &["盆踊り", "音MAD 実況"], 9));
        put(
            &shelves,
            document("youtube:a1", "Kettle Symphony for two pianos", &["YTPMV", "collab entry"], 5),
        );
        put(&shelves, document("bilibili:BV2", "老式打字机演奏《雨季》", &["音MAD"], 25));
        put(&shelves, document("niconico:sm3", "private piano", &[], 1));
        shelves
    }

    fn found(shelves: &Shelves, query: &Query) -> String {
        let found = shelves.find(query, Page { skip: 0, limit: 9 }).unwrap();
        assert_eq!(found.total, found.ids.len() as u64);
        assert_eq!(found.total, found.sites.values().sum::<u64>());
        assert_eq!(found.total, found.lengths.iter().sum::<u64>());
        found
            .ids
            .iter()
            .map(|id| id.as_str().rsplit(':').next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn of(text: &str) -> Query {
        Query { parts: query::parse(text), ..Query::default() }
    }

    #[test]
    fn words_of_every_script_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let shelves = shelves(dir.path());
        let sorted = |text: &str| Query { sort: Sort::Oldest, ..of(text) };
        for (text, ids) in [
            ("自動販売機", "sm1"),
            ("夜", "sm1"),
            ("販売 夜想曲", "sm1"),
            ("機販", ""),
            ("音mad", "sm1 sm2 BV2"),
            ("音MAD -実況", "sm1 BV2"),
            ("tag:音MAD", "sm1 BV2"),
            ("tag:\"音MAD 実況\"", "sm2"),
            ("ビット盆踊", "sm2"),
            ("ﾋﾞｯﾄ", "sm2"),
            ("雨季", "BV2"),
            ("piano", "a1"),
            ("\"two pianos\" KETTLE", "a1"),
            ("\"pianos two\"", ""),
            ("by:teapot", "sm1 a1"),
            ("site:youtube", "a1"),
            ("-site:niconico", "a1 BV2"),
            ("--- !!", "sm1 a1 sm2 BV2"),
            (".* [", "sm1 a1 sm2 BV2"),
        ] {
            assert_eq!(found(&shelves, &sorted(text)), ids, "{text}");
        }
        assert_eq!(
            found(&shelves, &Query { everything: true, ..of("piano") }),
            "sm3 a1",
            "the whole word comes first"
        );
    }

    #[test]
    fn filters_narrow_and_sorts_sort() {
        let dir = tempfile::tempdir().unwrap();
        let shelves = shelves(dir.path());
        let all = Query::default();
        for (query, ids) in [
            (Query { sort: Sort::Longest, ..all.clone() }, "BV2 sm2 a1 sm1"),
            (Query { sort: Sort::Newest, ..all.clone() }, "BV2 sm2 a1 sm1"),
            (all.clone(), "BV2 sm2 a1 sm1"),
            (Query { sort: Sort::Views, ..all.clone() }, "BV2 sm2 a1 sm1"),
            (Query { sort: Sort::Rating, ..all.clone() }, "sm1 a1 sm2 BV2"),
            (Query { sites: vec!["niconico".into(), "bilibili".into()], ..all.clone() }, "BV2 sm2 sm1"),
            (Query { length: Some(Length::Middle), ..all.clone() }, "sm2 a1"),
            (Query { published: (Some(5_000), Some(25_000)), ..all.clone() }, "sm2 a1"),
            (Query { creator: Some(("youtube".into(), "12".into())), ..all.clone() }, "a1"),
            (Query { gone: true, ..all.clone() }, ""),
        ] {
            assert_eq!(found(&shelves, &query), ids, "{query:?}");
        }
        let second = shelves.find(&all, Page { skip: 3, limit: 2 }).unwrap();
        assert_eq!((second.ids.len(), second.total), (1, 4));
    }

    #[test]
    fn what_shares_rare_tags_or_the_creator_is_near() {
        let dir = tempfile::tempdir().unwrap();
        let shelves = shelves(dir.path());
        let near = |tags: &[&str], creator: Option<(&str, &str)>| -> String {
            let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let creator = creator.map(|(site, id)| (site.to_owned(), id.to_owned()));
            let ids = shelves.near(&tags, creator.as_ref(), false, 9).unwrap();
            ids.iter()
                .map(|id| id.as_str().rsplit(':').next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(near(&["才能の無駄遣い", "音MAD"], None), "sm1 BV2");
        assert_eq!(near(&["none"], Some(("youtube", "12"))), "a1");
        assert_eq!(near(&[], None), "");
    }

    #[test]
    fn a_later_form_takes_the_place_of_an_earlier_one_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let shelves = shelves(dir.path());
        put(&shelves, document("youtube:a1", "Teapot", &[], 5));
        assert_eq!([found(&shelves, &of("kettle")), found(&shelves, &of("teapot"))], ["", "a1 sm1"]);
        let prints = shelves.prints().unwrap();
        assert_eq!(prints.len(), 5);
        shelves.put(&[(number(b"youtube:a1"), None)]).unwrap();
        drop(shelves);
        let again = Shelves::open(dir.path()).unwrap();
        assert_eq!((found(&again, &of("teapot")), again.prints().unwrap().len()), ("sm1".to_owned(), 4));
    }
}
