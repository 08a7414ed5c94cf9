//! How old the facts are.

use jiff::civil::Date;

use crate::text::names::CHECK;

/// From this age on, newer patches than the catalog's will exist: Kubernetes publishes them monthly.
const DAYS_WITHOUT_NOTE: i32 = 60;
/// From this age on, a newer minor than the catalog's will exist: Kubernetes publishes three a year.
const DAYS_WITHOUT_WARNING: i32 = 180;

/// What a reader must know of the age of facts of this date; `None` while they are fresh.
pub(super) fn age_remark(date: Date, today: Date) -> Option<String> {
    let days = (today - date).get_days();
    match days {
        ..DAYS_WITHOUT_NOTE => None,
        DAYS_WITHOUT_NOTE..DAYS_WITHOUT_WARNING => Some(format!(
            "the catalog of {date} is {days} days old: newer patches than those named here will exist; update kubectl {CHECK}"
        )),
        _ => Some(format!(
            "warning: the catalog of {date} is {days} days old: releases, removals and ends of support since then are unknown to it; update kubectl {CHECK}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;

    use super::age_remark;

    #[test]
    fn old_facts_say_so() {
        let read = date(2026, 11, 29);
        let remark = |days: i32| age_remark(read, read + days.days());
        assert_eq!(remark(-400), None);
        assert_eq!(remark(59), None);
        assert!(remark(60).is_some_and(|text| text.contains("newer patches")));
        assert!(remark(179).is_some_and(|text| text.contains("newer patches")));
        assert!(remark(180).is_some_and(|text| text.starts_with("warning: ")));
        assert!(remark(2000).is_some_and(|text| text.contains("2000 days old")));
    }
}
