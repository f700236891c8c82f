//! The API for people: every operation by its part, and the shapes that they take and give.

use askama::Template;

use crate::Frame;

#[derive(Debug, Clone, Default)]
pub struct ApiPage {
    pub frame: Frame,
    /// What holds for all of it, in paragraphs of Markdown.
    pub about: String,
    pub parts: Vec<ApiPart>,
    pub shapes: Vec<ApiShape>,
}

/// Operations that belong together.
#[derive(Debug, Clone, Default)]
pub struct ApiPart {
    pub name: String,
    pub about: String,
    pub operations: Vec<ApiOperation>,
}

/// A method of a path.
#[derive(Debug, Clone, Default)]
pub struct ApiOperation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub text: Option<String>,
    /// Who may call it, in words.
    pub who: String,
    pub parameters: Vec<ApiField>,
    pub bodies: Vec<ApiKind>,
    pub answers: Vec<ApiAnswer>,
}

/// What something is: words, and the shape that they name.
#[derive(Debug, Clone, Default)]
pub struct ApiKind {
    /// The type of a body, where it is no JSON.
    pub media: Option<String>,
    /// `list of`, before the name.
    pub before: String,
    pub shape: Option<String>,
    /// ` or null`, after it.
    pub after: String,
}

/// A parameter, or a property of a shape.
#[derive(Debug, Clone, Default)]
pub struct ApiField {
    pub name: String,
    /// Where it is sent; empty for a property.
    pub place: String,
    pub kind: ApiKind,
    /// Whether it has to be, or always is there.
    pub needed: bool,
    pub text: String,
}

/// What is answered with a status.
#[derive(Debug, Clone, Default)]
pub struct ApiAnswer {
    pub status: String,
    pub kind: Option<ApiKind>,
    pub text: String,
}

/// A shape with its properties, or with the words that it can be.
#[derive(Debug, Clone, Default)]
pub struct ApiShape {
    pub name: String,
    pub text: String,
    pub fields: Vec<ApiField>,
    /// What it is where it has no properties.
    pub kind: Option<ApiKind>,
}

impl ApiPart {
    pub(crate) fn id(&self) -> String {
        self.name.to_lowercase().replace(' ', "-")
    }
}

impl ApiPage {
    pub(crate) fn words(&self) -> String {
        crate::house::prose(&self.about)
    }
}

/// A line of Markdown.
pub(crate) fn line(text: &str) -> String {
    let html = crate::house::prose(text);
    let one = html.trim().strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    one.map_or_else(|| html.clone(), str::to_owned)
}

#[derive(Template)]
#[template(path = "api.html")]
struct Full<'a> {
    page: &'a ApiPage,
    here: &'static str,
}

pub fn api(page: &ApiPage) -> String {
    crate::render(&Full { page, here: "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_says_is_text() {
        let field = ApiField {
            name: "<b>".to_owned(),
            text: "a `code` <script>alert(1)</script>".to_owned(),
            kind: ApiKind {
                shape: Some("Video".to_owned()),
                before: "list of".to_owned(),
                ..ApiKind::default()
            },
            ..ApiField::default()
        };
        let shape = ApiShape { name: "Video".to_owned(), fields: vec![field], ..ApiShape::default() };
        let html = api(&ApiPage { shapes: vec![shape], ..ApiPage::default() });
        assert!(html.contains("list of <a href=\"#shape-Video\">Video</a>"), "{html}");
        assert!(html.contains("<section class=\"panel sect\" id=\"shape-Video\">"), "{html}");
        assert!(html.contains("a <code>code</code> &lt;script") && html.contains("&#60;b&#62;"), "{html}");
        assert!(!html.contains("<script>alert"));
    }
}
