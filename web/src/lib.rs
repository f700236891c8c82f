//! Horahora's pages: what a person sees in the browser, made on the server.
//!
//! The node fills the plain view structs of this crate and gets HTML back. Nothing here reads a file, asks the
//! clock or knows what a request is; states arrive as words and lengths as numbers.

mod account;
mod api;
mod archive;
mod asset;
mod audit;
mod bar;
mod card;
mod creator;
mod following;
mod frame;
mod groups;
mod holders;
mod home;
mod house;
mod lang;
mod library;
mod lists;
mod logs;
mod map;
mod measures;
mod message;
mod moderate;
mod nodes;
mod people;
mod qr;
mod reports;
mod request;
mod search;
mod settings;
mod setup;
mod sites;
mod state;
mod talk;
mod text;
mod upload;
mod watch;

pub use account::{AccountPage, LoginPage, SessionRow, SignUpPage, TokenRow, account, login, sign_up};
pub use api::{ApiAnswer, ApiField, ApiKind, ApiOperation, ApiPage, ApiPart, ApiShape, api};
pub use archive::{ArchivePage, GroupChoice, GroupMark, RequestRow, Wish, archive, archive_live};
pub use asset::{Asset, asset, url as asset_url};
pub use audit::{ActionView, AuditPage, audit};
pub use card::Card;
pub use creator::{CreatorPage, creator};
pub use following::{Follow, FollowedSearch, FollowingPage, following};
pub use frame::{Frame, Lede, Me, ToolRow};
pub use groups::{FollowedRow, GroupForms, GroupView, JoinView, Link, MemberRow, TicketView};
pub use holders::{HolderRow, Keep};
pub use home::{HomePage, JobRow, home, home_live};
pub use house::{HousePage, house_page};
pub use lang::{Arg, Html, Lang, Text, find as tr_find, scope, scoped, tr, tr_html};
pub use library::{LibraryPage, LibraryRow, library};
pub use lists::{InList, ListChoice, ListPage, ListRow, ListsPage, PlayList, list, lists};
pub use logs::{LogPage, LogRow, logs};
pub use measures::{MeasureForm, MeasureView, MeasuresPage, ModerationList, measures};
pub use message::{MessagePage, message};
pub use moderate::{Choice, ModeratePage, RulesForm, StandingRow, WaitingRow, moderate};
pub use nodes::{Direction, MoveRow, NodeRow, NodesPage, nodes, nodes_live};
pub use people::{InvitationRow, PeoplePage, PersonRow, people};
pub use reports::{Desk, ReportView, ReportsPage, reports};
pub use request::{RequestPage, request, request_live};
pub use search::{Check, PageLink, SearchPage, Term, search};
pub use settings::{Field, FieldKind, SettingsPage, SettingsPart, settings};
pub use setup::{SetupForm, SetupPage, setup};
pub use sites::{SiteRow, SitesPage, sites};
pub use state::StateView;
pub use talk::{Comment, Origin, Talk};
pub use upload::{UploadForm, UploadPage, UploadRow, UploadsPage, upload, upload_live, uploads};
pub use watch::{
    Board, Chapter, Download, Fact, Hidden, Player, RenditionRow, Share, Track, WatchPage, embed, watch,
    watch_live,
};

/// A template's text. The view structs hold all a template asks for, so nothing is left that could fail.
fn render(template: &impl askama::Template) -> String {
    template.render().expect("writing to a String cannot fail")
}
