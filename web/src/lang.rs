//! The languages of the page: which one a request gets, and the words of `locales/*.ftl` in it.
//!
//! The language is set for as long as something runs ([`scope`], [`scoped`]), so that whoever makes a word need not be
//! told it. What people wrote is only ever an argument: it is put in as it is and never read as Fluent or as HTML.

use std::{cell::Cell, fmt, future::Future, pin::pin, sync::OnceLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::text;

/// A language that the page speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    #[default]
    En,
    Ja,
    Zh,
}

thread_local! {
    static NOW: Cell<Lang> = const { Cell::new(Lang::En) };
}

impl Lang {
    /// All, in the order of the menu.
    pub const ALL: [Lang; 3] = [Lang::En, Lang::Ja, Lang::Zh];

    /// The one in which words are made now.
    pub fn now() -> Lang {
        NOW.get()
    }

    /// As the cookie says it and the file is called.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Ja => "ja",
            Lang::Zh => "zh",
        }
    }

    /// As pages and headers name it (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-Hans",
            other => other.code(),
        }
    }

    /// What its speakers call it.
    pub fn name(self) -> &'static str {
        match self {
            Lang::En => "English",
            Lang::Ja => "日本語",
            Lang::Zh => "简体中文",
        }
    }

    /// The language of a code. A cookie is a stranger's text: most are none.
    pub fn of(code: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The best one for an `Accept-Language` (RFC 9110, section 12.5.4); English when none fits.
    pub fn negotiate(accepted: &str) -> Lang {
        let mut best = (0.0, Lang::En);
        for range in accepted.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let first = parts.next().unwrap_or_default().split('-').next().unwrap_or_default();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
            if let (Some(lang), Ok(quality)) = (Lang::of(&first.to_ascii_lowercase()), quality)
                && quality > best.0
            {
                best = (quality, lang);
            }
        }
        best.1
    }

    fn source(self) -> &'static str {
        match self {
            Lang::En => include_str!("../locales/en.ftl"),
            Lang::Ja => include_str!("../locales/ja.ftl"),
            Lang::Zh => include_str!("../locales/zh.ftl"),
        }
    }

    /// Its words, read once.
    fn words(self) -> &'static FluentBundle<FluentResource> {
        static WORDS: [OnceLock<FluentBundle<FluentResource>>; 3] = [const { OnceLock::new() }; 3];
        WORDS[self as usize].get_or_init(|| {
            let id: LanguageIdentifier = self.tag().parse().expect("the tags above are language tags");
            let mut words = FluentBundle::new_concurrent(vec![id]);
            // What people wrote stands in elements of its own with `dir="auto"`; the marks would be in the way of search.
            words.set_use_isolating(false);
            words.set_formatter(Some(|value, _| match value {
                FluentValue::Number(number) if number.value >= 0.0 && number.value.fract() == 0.0 => {
                    Some(text::count(number.value as u64))
                }
                _ => None,
            }));
            let file = FluentResource::try_new(self.source().to_owned()).expect("a test reads every file");
            words.add_resource(file).expect("a test looks for words that are there twice");
            words
        })
    }
}

/// Makes words in a language.
pub fn scope<T>(lang: Lang, run: impl FnOnce() -> T) -> T {
    struct Back(Lang);
    impl Drop for Back {
        fn drop(&mut self) {
            NOW.set(self.0);
        }
    }
    let _back = Back(NOW.replace(lang));
    run()
}

/// The same for what waits in between: other work of the same thread has its own language.
pub async fn scoped<F: Future>(lang: Lang, future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|context| scope(lang, || future.as_mut().poll(context))).await
}

/// A text of the files. Templates escape it, as every other text.
pub fn tr(key: &'static str) -> Text {
    Text { key, args: None }
}

/// A text of the files with elements in it. Its arguments are escaped, it itself is not.
pub fn tr_html(key: &'static str) -> Html {
    Html(tr(key))
}

/// The text of a key that is made of a name, such as a failure's code; `None` when there is none.
pub fn find(key: &str) -> Option<String> {
    let words = Lang::now().words();
    let pattern = words.get_message(key)?.value()?;
    Some(words.format_pattern(pattern, None, &mut Vec::new()).into_owned())
}

/// A text and what is put into it.
#[derive(Debug)]
pub struct Text {
    key: &'static str,
    args: Option<FluentArgs<'static>>,
}

impl Text {
    /// Puts a value in the place of `{ $name }`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Arg) -> Text {
        self.args.get_or_insert_default().set(name, value.value());
        self
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Lang::now().words();
        // A key that is not there shows itself; a test looks that there is none.
        let Some(pattern) = words.get_message(self.key).and_then(|message| message.value()) else {
            return f.write_str(self.key);
        };
        f.write_str(&words.format_pattern(pattern, self.args.as_ref(), &mut Vec::new()))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> String {
        text.to_string()
    }
}

/// A text with elements in it.
#[derive(Debug)]
pub struct Html(Text);

impl Html {
    /// Puts a value in the place of `{ $name }`, escaped.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Arg) -> Html {
        let value = match value.value() {
            FluentValue::String(text) => FluentValue::from(escaped(&text)),
            other => other,
        };
        Html(self.0.with(name, value))
    }

    /// The same for what a person wrote: marked with its own language.
    #[must_use]
    pub fn said(self, name: &'static str, said: &str) -> Html {
        let lang = text::lang_of(said).map(|lang| format!(" lang=\"{lang}\"")).unwrap_or_default();
        let marked = format!("<span{lang} dir=\"auto\">{}</span>", escaped(said));
        Html(self.0.with(name, FluentValue::from(marked)))
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl askama::filters::HtmlSafe for Html {}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&#38;"),
            '<' => out.push_str("&#60;"),
            '>' => out.push_str("&#62;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

/// What can be put into a text.
pub trait Arg {
    fn value(&self) -> FluentValue<'static>;
}

impl<T: Arg + ?Sized> Arg for &T {
    fn value(&self) -> FluentValue<'static> {
        (**self).value()
    }
}

impl Arg for str {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(self.to_owned())
    }
}

impl Arg for String {
    fn value(&self) -> FluentValue<'static> {
        self.as_str().value()
    }
}

impl Arg for Text {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(self.to_string())
    }
}

impl Arg for u64 {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(*self)
    }
}

impl Arg for u32 {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(*self)
    }
}

impl Arg for usize {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(*self)
    }
}

impl Arg for FluentValue<'static> {
    fn value(&self) -> FluentValue<'static> {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
