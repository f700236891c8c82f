//! The groups of the nodes page: who is in each, what may be changed, and the ways in.

use crate::{
    NodesPage, StateView, Text,
    map::{self, Map, Point, Reach},
    qr::{self, Qr},
    text, tr,
};

/// A group that this node is in.
#[derive(Debug, Clone, Default)]
pub struct GroupView {
    pub id: String,
    pub name: String,
    pub private: bool,
    /// This node's role: `admin`, `member` or `follower`.
    pub role: String,
    /// This node's own first group: it cannot be left.
    pub own: bool,
    /// This node first.
    pub members: Vec<MemberRow>,
    /// Whether this node may let others in.
    pub may_invite: bool,
    /// Whether members who are no admins may invite; the policy.
    pub members_invite: bool,
    /// `never`, `new-creators` or `always`: which videos wait for approval.
    pub approve: String,
}

/// A node in a group.
#[derive(Debug, Clone, Default)]
pub struct MemberRow {
    pub id: String,
    pub name: String,
    pub role: String,
    pub here: bool,
    pub reach: Link,
    pub state: StateView,
    /// `last seen 2 h ago`; empty while it is up.
    pub since: String,
    /// `Horahora 0.2.0`
    pub version: String,
    /// Where its feed ends, as far as this node knows it.
    pub head: Option<u64>,
    /// Videos held whole, and `3.1 GB`; none until it said so.
    pub holds: Option<(u64, String)>,
    /// Bytes free, and the same for people.
    pub free: Option<(u64, String)>,
    /// Whether it told two stories.
    pub forked: bool,
    /// Whether this node may change its role or remove it.
    pub can_rule: bool,
}

/// How a member is reached from here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Link {
    /// It is this node.
    #[default]
    Here,
    Direct,
    Relayed,
    /// It is heard of from others, and has no connection to this node.
    Others,
    /// Nobody has heard from it for a while.
    Lost,
}

/// A group that this node reads and is not in.
#[derive(Debug, Clone, Default)]
pub struct FollowedRow {
    pub id: String,
    pub name: String,
    /// `12 members, followed since 3 days`
    pub what: String,
}

/// A ticket that was pasted and has not let this node in.
#[derive(Debug, Clone, Default)]
pub struct JoinView {
    pub id: String,
    /// The group's name, as the ticket says.
    pub group: String,
    pub since: String,
    pub reason: String,
    /// Whether it cannot work any more.
    pub ended: bool,
}

/// A ticket that was just made.
#[derive(Debug, Clone, Default)]
pub struct TicketView {
    pub text: String,
    pub group: String,
    /// `It lets in one member and works for a week.`
    pub what: String,
}

/// What was typed into the group forms, kept when it was refused, and why it was.
#[derive(Debug, Clone, Default)]
pub struct GroupForms {
    pub make_name: String,
    pub make_private: bool,
    pub make_error: Option<String>,
    pub join_ticket: String,
    pub join_error: Option<String>,
    /// The id of the group that "Invite a node" begins with.
    pub invite_group: String,
    pub invite_error: Option<String>,
    /// Why something else was not done.
    pub problem: Option<String>,
}

impl GroupView {
    /// Only this node is in it, and it is the one that every node begins with.
    pub(crate) fn is_quiet(&self) -> bool {
        self.own && self.members.len() < 2
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.role == "admin"
    }

    pub(crate) fn is_member(&self) -> bool {
        matches!(self.role.as_str(), "admin" | "member")
    }

    pub(crate) fn approve_words(&self) -> Text {
        tr(match self.approve.as_str() {
            "always" => "approve-always",
            "new-creators" => "approve-new",
            _ => "approve-never",
        })
    }

    /// `an admin`
    pub(crate) fn role_words(&self) -> String {
        let role = a(&self.role);
        if self.own { tr("role-own").with("role", role).into() } else { role }
    }

    pub(crate) fn has_forks(&self) -> bool {
        self.members.iter().any(|row| row.forked)
    }

    /// `kiln and gecko`
    pub(crate) fn forked(&self) -> String {
        let names: Vec<_> = self.members.iter().filter(|row| row.forked).map(MemberRow::title).collect();
        match names.as_slice() {
            [first @ .., last] if !first.is_empty() => {
                tr("names-and").with("first", first.join(", ")).with("last", last).into()
            }
            _ => names.concat(),
        }
    }

    /// `2 members`
    pub(crate) fn count(&self) -> String {
        tr("members").with("n", self.members.len()).into()
    }

    /// None while nobody else is in it.
    pub(crate) fn map(&self) -> Option<Map> {
        let own = self.members.iter().find(|row| row.here)?;
        let others: Vec<_> = self.members.iter().filter(|row| !row.here).collect();
        let most = others.iter().filter_map(|row| row.free.as_ref()).map(|free| free.0).max().unwrap_or(0);
        let names: Vec<_> = others.iter().map(|row| row.title()).collect();
        let points: Vec<_> = others.iter().zip(&names).map(|(row, name)| row.point(name, most)).collect();
        let spoken = self.spoken(&own.title(), &others);
        (!points.is_empty()).then(|| Map { spoken, ..map::draw(&own.title(), &points) })
    }

    /// `kurobune reaches 10 of 11 other members: 7 directly, 3 through a relay; tsubaki is not reached.`
    fn spoken(&self, own: &str, others: &[&MemberRow]) -> String {
        let number = |link: Link| others.iter().filter(|row| row.reach == link).count();
        let ways = [
            (number(Link::Direct), "reach-direct"),
            (number(Link::Relayed), "reach-relayed"),
            (number(Link::Others), "reach-others"),
        ];
        let ways = ways.into_iter().filter(|(number, _)| *number > 0);
        let ways: Vec<_> = ways.map(|(n, way)| tr(way).with("n", n).to_string()).collect();
        let near = others.len() - number(Link::Lost);
        let ways = match ways.is_empty() {
            true => String::new(),
            false => tr("reach-ways").with("ways", ways.join(", ")).into(),
        };
        let lost: Vec<_> = others.iter().filter(|row| row.reach == Link::Lost).collect();
        let rest = match lost.as_slice() {
            [] => String::new(),
            [one] => tr("reach-lost").with("name", one.title()).into(),
            all => tr("reach-lost-many").with("n", all.len()).into(),
        };
        let others = tr("members-other").with("n", others.len());
        let reach = tr("reach").with("own", own).with("near", near).with("others", others);
        reach.with("ways", ways).with("rest", rest).into()
    }
}

impl MemberRow {
    /// Its name, or its id as long as it has none.
    pub(crate) fn title(&self) -> String {
        if self.name.trim().is_empty() { self.short_id() } else { self.name.clone() }
    }

    pub(crate) fn short_id(&self) -> String {
        text::short(&self.id)
    }

    /// `member, this node`
    pub(crate) fn what(&self) -> String {
        let role = role(&self.role);
        let words = match self.reach {
            Link::Here => "member-here",
            Link::Direct => "member-direct",
            Link::Relayed => "member-relayed",
            Link::Others => "member-others",
            Link::Lost => return role,
        };
        tr(words).with("role", role).into()
    }

    /// The roles it could have instead.
    pub(crate) fn other_roles(&self) -> Vec<&'static str> {
        ["admin", "member", "follower"].into_iter().filter(|role| *role != self.role).collect()
    }

    fn point<'a>(&self, name: &'a str, most: u64) -> Point<'a> {
        let free = self.free.as_ref().map_or(0, |free| free.0);
        Point {
            name,
            reach: match self.reach {
                Link::Here | Link::Direct => Reach::Direct,
                Link::Relayed | Link::Others => Reach::Relayed,
                Link::Lost => Reach::Lost,
            },
            follower: self.role == "follower",
            moving: false,
            // An arch twice as large in area has twice the space.
            size: if most == 0 { 0.5 } else { (free as f64 / most as f64).sqrt() },
        }
    }
}

impl TicketView {
    pub(crate) fn qr(&self) -> Option<Qr> {
        qr::draw(&self.text)
    }
}

impl NodesPage {
    /// Groups with somebody else in them, or made for that.
    pub(crate) fn loud_groups(&self) -> impl Iterator<Item = &GroupView> {
        self.groups.iter().filter(|group| !group.is_quiet())
    }

    pub(crate) fn quiet_groups(&self) -> impl Iterator<Item = &GroupView> {
        self.groups.iter().filter(|group| group.is_quiet())
    }

    /// Groups that "Invite a node" offers.
    pub(crate) fn inviting(&self) -> Vec<&GroupView> {
        self.groups.iter().filter(|group| group.may_invite).collect()
    }

    pub(crate) fn has_more(&self) -> bool {
        !self.joins.is_empty() || !self.followed.is_empty() || self.groups.iter().any(GroupView::is_quiet)
    }

    /// Whether a map of a group is drawn.
    pub(crate) fn has_group_map(&self) -> bool {
        self.groups.iter().any(|group| group.members.len() > 1)
    }
}

/// `an admin`, `a member`
pub(crate) fn a(role: &str) -> String {
    match role {
        "admin" => tr("role-an-admin").into(),
        "member" => tr("role-a-member").into(),
        "follower" => tr("role-a-follower").into(),
        other => other.to_owned(),
    }
}

fn role(role: &str) -> String {
    match role {
        "admin" => tr("role-admin").into(),
        "member" => tr("role-member").into(),
        "follower" => tr("role-follower").into(),
        other => other.to_owned(),
    }
}
