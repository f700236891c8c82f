//! The page on which members decide, through the public door.

use horahora_web::{Choice, Frame, ModeratePage, RulesForm, StandingRow, WaitingRow, moderate};

const EVIL: &str = "<script>alert(1)</script>\"'&";

fn page(logged_in: bool) -> ModeratePage {
    let waiting = WaitingRow {
        id: EVIL.into(),
        title: EVIL.into(),
        origin: "javascript:alert(1)".into(),
        creator: Some(EVIL.into()),
        creator_value: Some(EVIL.into()),
        category: EVIL.into(),
        tags: vec![EVIL.into(), "音MAD".into()],
        ..WaitingRow::default()
    };
    let standing =
        StandingRow { name: "tag".into(), value: EVIL.into(), what: EVIL.into(), ..StandingRow::default() };
    let choice = Choice { value: EVIL.into(), label: EVIL.into(), chosen: true };
    ModeratePage {
        frame: Frame { logged_in, asks: logged_in, decides: logged_in, ..Frame::default() },
        lead: "1 video waits for approval".into(),
        categories: vec![choice.clone()],
        creators: vec![choice.clone()],
        tags: vec![choice],
        videos: vec![waiting],
        standing: vec![standing],
        rules: RulesForm { may: true, approve: "always".into(), categories: EVIL.into() },
        ..ModeratePage::default()
    }
}

#[test]
fn what_strangers_wrote_is_text() {
    let html = moderate(&page(true));
    assert!(!html.contains("<script>alert") && !html.contains("javascript:"));
    assert!(html.contains("&#60;script&#62;") && html.contains("音MAD"));
    assert!(html.contains("value=\"always\" checked"));
}

#[test]
fn who_is_not_logged_in_sees_nothing_of_it() {
    let html = moderate(&page(false));
    assert!(!html.contains("1 video waits") && !html.contains("<form class=\"stack\""));
    assert!(html.contains("Use the login link"));
}

#[test]
fn who_may_not_change_the_rules_is_told_who_may() {
    let rules = RulesForm { may: false, ..RulesForm::default() };
    let html = moderate(&ModeratePage { rules, ..page(true) });
    assert!(html.contains("An admin of the group sets them") && !html.contains("name=\"approve\""));
}
