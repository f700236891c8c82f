//! The shapes of what is sent and answered, for the document alone: handlers write their answers as `json!` or as rows of
//! other rooms, which know nothing of HTTP. A test holds real answers against these.

#![expect(dead_code, reason = "shapes are described and never made")]

pub(super) mod asked;
pub(super) mod groups;
pub(super) mod measures;
pub(super) mod people;
pub(super) mod requests;
pub(super) mod talk;
pub(super) mod videos;

use std::{borrow::Cow, marker::PhantomData};

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema},
};

/// What went wrong: every error has this shape.
#[derive(ToSchema)]
pub(super) struct Problem {
    /// Stable, for programs. `docs/API.md` lists all.
    #[schema(example = "login-needed")]
    code: String,
    /// For people.
    message: String,
}

/// Nothing: an empty object.
#[derive(ToSchema)]
pub(super) struct Nothing {}

/// All there are: `{"items"}`.
pub(super) struct Items<T>(PhantomData<T>);

/// One page of a list: `{"items", "next"}`.
pub(super) struct Page<T>(PhantomData<T>);

impl<T: ToSchema> PartialSchema for Items<T> {
    fn schema() -> RefOr<Schema> {
        Schema::Object(items::<T>().description(Some("All there are.")).build()).into()
    }
}

impl<T: ToSchema> ToSchema for Items<T> {
    fn name() -> Cow<'static, str> {
        format!("{}List", T::name()).into()
    }

    fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
        all.push((T::name().into_owned(), T::schema()));
        T::schemas(all);
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let next = Option::<String>::schema();
        let page = items::<T>()
            .property("next", next)
            .description(Some("One page of a list; `next` is the `after` of the next one."));
        Schema::Object(page.build()).into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
        Items::<T>::schemas(all);
    }
}

fn items<T: ToSchema>() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())).build())
}

/// What was made or asked for, by its id.
#[derive(ToSchema)]
pub(super) struct Id {
    /// The id.
    id: String,
}

/// Properties that are not always there. All others of an answer are, and null where nothing is known.
pub(super) const SOMETIMES: [(&str, &str); 30] = [
    ("CaptureInfo", "fetched_at"),
    ("CaptureInfo", "tools"),
    ("CaptureInfo", "adopted"),
    ("VideoInFull", "description"),
    ("VideoInFull", "tags"),
    ("VideoInFull", "original_bytes"),
    ("VideoInFull", "subtitles"),
    ("VideoInFull", "danmaku"),
    ("VideoInFull", "chapters"),
    ("VideoInFull", "storyboard"),
    ("VideoInFull", "looks"),
    ("Options", "media"),
    ("Options", "priority"),
    ("Job", "job"),
    ("Job", "subject"),
    ("Job", "state"),
    ("Job", "progress"),
    ("Job", "group"),
    ("Job", "claimant"),
    ("Job", "epoch"),
    ("Job", "witnessed"),
    ("Job", "next"),
    ("Job", "failures"),
    ("Job", "title"),
    ("Job", "video"),
    ("Job", "code"),
    ("Job", "attempts"),
    ("Job", "not_before"),
    ("Job", "doing"),
    ("Joined", "name"),
];
