//! Pages that whoever runs the node writes, in Markdown.

use askama::Template;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html::push_html};

use crate::{Frame, text};

#[derive(Debug, Clone, Default)]
pub struct HousePage {
    pub frame: Frame,
    /// `about`, `terms` or `privacy`.
    pub name: String,
    pub title: String,
    /// CommonMark.
    pub text: String,
    /// Whether it is written instead of read.
    pub edits: bool,
    pub error: Option<String>,
}

impl HousePage {
    pub(crate) fn html(&self) -> String {
        prose(&self.text)
    }
}

/// CommonMark as HTML that can do nothing: no HTML of its own, no pictures from elsewhere, links to pages only.
pub(crate) fn prose(text: &str) -> String {
    let quiet = |event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Image { title, id, .. }) => Event::Start(Tag::Link {
            link_type: pulldown_cmark::LinkType::Inline,
            dest_url: CowStr::Borrowed("#"),
            title,
            id,
        }),
        Event::End(pulldown_cmark::TagEnd::Image) => Event::End(pulldown_cmark::TagEnd::Link),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let safe = text::link(&dest_url).is_some() || dest_url.starts_with("mailto:");
            let dest_url = if safe { dest_url } else { CowStr::Borrowed("#") };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        event => event,
    };
    let mut html = String::new();
    push_html(&mut html, Parser::new_ext(text, Options::ENABLE_TABLES).map(quiet));
    html
}

#[derive(Template)]
#[template(path = "house_page.html")]
struct Full<'a> {
    page: &'a HousePage,
    here: &'static str,
}

pub fn house_page(page: &HousePage) -> String {
    crate::render(&Full { page, here: "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_makes_nothing_that_acts() {
        assert_eq!(
            prose("# A\n\n*b* [c](https://example.org)"),
            "<h1>A</h1>\n<p><em>b</em> <a href=\"https://example.org\">c</a></p>\n"
        );
        for bad in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "[x](//evil.example)",
            "![x](https://evil.example/pixel.png)",
            "<javascript:alert(1)>",
            "[x](data:text/html,<script>alert(1)</script>)",
        ] {
            let html = prose(bad);
            for part in
                ["<script", "<img", "javascript:\"", "href=\"javascript", "href=\"//", "href=\"data", "src="]
            {
                assert!(
                    !html.contains(part) || (part == "src=" && html.contains("&lt;img")),
                    "{bad}: {html}"
                );
            }
        }
    }
}
