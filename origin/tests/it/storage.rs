//! The conformance suite of storage: what the trait `Store` promises, on SQLite and on Postgres.
//!
//! A method without a test does not compile: [`covered::Covered`] must pass on every method of the
//! trait and names each in [`Method`], and [`suite!`] must list tests for every name. A test that
//! does not call the method that it is listed for fails.

mod api_keys;
mod audit;
mod bench;
mod cleanup;
pub(crate) mod covered;
mod criteria;
mod feed;
mod groups;
mod imports;
mod jobs;
mod keys;
mod lifetime;
mod names;
mod on_postgres;
mod on_sqlite;
mod plans;
mod races;
mod restored;
mod samples;
mod schema;
mod sessions;
mod standing;
mod throttle;
mod unheld;
mod upgrade;
mod user_changes;
mod user_lists;
mod users;

use bench::Bench;
use covered::Method;

use crate::support::Engine;

/// Makes two tests of each function, one on SQLite and one on Postgres.
macro_rules! suite {
    ($($method:ident: [$($file:ident::$test:ident),+ $(,)?])+) => {
        /// Does not compile when a method is missing.
        const fn _every_method_is_tested(method: Method) {
            match method {
                $(Method::$method => (),)+
            }
        }

        $($(
            mod $test {
                use super::{Bench, Engine, Method, $file};

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    let bench = Bench::new(Engine::Sqlite).await;
                    $file::$test(&bench).await;
                    bench.finish(Method::$method);
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    let bench = Bench::new(Engine::Postgres).await;
                    $file::$test(&bench).await;
                    bench.finish(Method::$method);
                }
            }
        )+)+
    };
}

suite! {
    DatabaseTime: [lifetime::the_database_tells_the_time_in_milliseconds]
    AdvanceSeq: [
        feed::seq_follows_the_clock_and_never_stands_still,
        feed::no_two_advances_give_the_same_seq,
    ]
    MarkRestored: [
        restored::seq_goes_ahead_and_the_trail_says_so,
        restored::a_seq_that_is_further_ahead_only_grows,
    ]
    FastForwardUntil: [
        restored::sessions_do_not_follow_until_it_is_said,
        restored::every_replica_knows_until_when_sessions_follow,
    ]
    CreateUser: [
        users::a_user_comes_back_as_it_was,
        names::a_taken_name_is_told_and_nothing_is_written,
        names::of_many_who_want_a_name_one_gets_it,
        names::a_name_that_looks_like_another_is_taken,
        names::of_many_who_want_names_that_look_alike_one_gets_it,
    ]
    FillSkeletons: [
        names::names_of_an_older_version_are_protected_once_they_are_filled_in,
        names::two_old_names_that_look_alike_both_stay,
    ]
    ImportUsers: [
        imports::users_are_added_unless_somebody_is_in_the_way,
        imports::what_is_told_of_an_import_is_written_with_it_or_not_at_all,
        imports::of_imports_that_race_each_user_is_added_once,
        imports::imports_of_names_that_look_alike_do_not_wait_for_each_other_crosswise,
    ]
    UsersInTheWay: [imports::who_is_in_the_way_is_told_without_writing]
    User: [users::a_user_is_found_by_id]
    UserByName: [users::a_user_is_found_by_name]
    PasswordHashFrom: [users::a_password_hash_is_found_from_any_id]
    Users: [
        user_lists::users_come_in_the_order_of_their_names_bytes,
        user_lists::pages_follow_each_other_without_gap_or_overlap,
        user_lists::a_search_is_taken_to_the_letter,
        user_lists::a_search_for_what_no_name_holds_finds_nothing,
        user_lists::users_are_listed_by_whether_they_are_banned_or_disabled,
    ]
    Session: [
        sessions::a_session_comes_back_as_it_was_with_its_user,
        sessions::text_with_nul_is_kept_alike_everywhere,
        groups::looks_that_go_together_get_each_their_own,
    ]
    ActiveSessions: [sessions::active_sessions_come_last_used_first]
    ChangeSession: [
        sessions::a_missing_session_is_not_decided_over,
        sessions::what_is_decided_over_a_session_is_written_whole,
        sessions::a_decision_that_changes_nothing_answers_the_current_seq,
        races::fifty_changes_of_one_session_see_each_other,
        races::a_panic_in_a_decision_harms_no_other_change,
        races::a_change_that_is_refused_harms_no_other_change,
        races::a_change_is_made_when_its_caller_has_gone_away,
        races::changes_of_two_replicas_see_each_other,
        groups::changes_of_one_session_that_go_together_see_each_other,
        groups::one_that_fails_among_many_fails_alone,
        groups::a_row_of_a_newer_version_fails_alone,
        groups::what_is_revoked_together_is_published_whole,
        groups::nobody_waits_in_a_circle,
    ]
    ChangeUser: [
        user_changes::a_missing_user_is_not_decided_over,
        user_changes::what_is_decided_over_a_user_is_written_whole,
        user_changes::a_decision_is_shown_all_sessions_that_have_not_been_ended,
        user_changes::a_change_that_fails_half_way_leaves_nothing,
        user_changes::the_first_end_of_a_session_stays,
        user_changes::a_deleted_user_leaves_nothing_but_the_trail,
        races::a_deletion_beats_every_refresh_and_login_that_races_it,
        user_changes::sessions_of_a_user_may_end_for_different_reasons,
        races::a_ban_beats_every_refresh_and_login_that_races_it,
    ]
    ApiKey: [
        api_keys::a_key_comes_back_as_it_was_with_its_owner,
        api_keys::what_may_change_of_a_key_is_written_and_no_more,
        api_keys::a_key_that_fails_to_be_written_leaves_nothing,
        api_keys::keys_go_with_their_owner,
    ]
    ApiKeys: [
        api_keys::keys_are_listed_by_owner_and_by_whether_they_are_over,
        api_keys::pages_of_keys_follow_each_other_without_gap_or_overlap,
    ]
    ChangeApiKey: [
        api_keys::a_missing_key_is_not_decided_over,
        api_keys::what_is_decided_over_a_key_is_written,
        api_keys::fifty_uses_of_a_key_see_each_other,
        api_keys::a_use_waits_for_a_ban_of_the_owner_and_sees_it,
    ]
    RemoveApiKeys: [api_keys::keys_go_when_they_and_their_tokens_were_over_at_the_cutoff]
    Throttle: [throttle::counts_come_in_the_order_of_their_keys]
    ChangeThrottle: [
        throttle::a_count_comes_back_as_it_was,
        throttle::a_decision_that_changes_nothing_writes_nothing,
        throttle::fifty_attempts_on_two_replicas_are_each_counted,
        throttle::counts_that_overlap_do_not_wait_for_each_other_for_ever,
        throttle::what_a_login_settles_is_written_with_it,
    ]
    ForgetThrottle: [throttle::expired_counts_are_forgotten_a_few_at_a_time]
    ChangeStanding: [
        standing::a_decision_learns_whether_others_could_administrate,
        standing::a_decision_learns_whether_its_administrator_is_one,
        standing::of_administrators_who_remove_each_other_one_stays,
        standing::of_administrators_in_a_ring_who_is_out_puts_nobody_out,
        standing::whoever_waits_for_an_own_exit_does_nothing_after_it,
    ]
    SigningKeys: [keys::keys_come_oldest_first_and_as_they_were]
    ChangeSigningKeys: [
        keys::what_is_decided_over_keys_is_written_whole,
        keys::replicas_that_start_at_once_add_one_first_key,
    ]
    Feed: [
        feed::the_feed_holds_what_came_after,
        feed::an_entry_that_is_repeated_only_becomes_stricter,
        feed::entries_go_an_hour_after_their_time,
        feed::a_reader_misses_no_entry_up_to_the_seq_it_was_told,
    ]
    FeedPlace: [feed::a_place_in_the_feed_is_between_entries]
    AppendAudit: [audit::events_come_back_as_they_were]
    Audit: [
        audit::every_condition_leaves_out_what_does_not_meet_it,
        audit::pages_come_newest_first_without_gap_or_overlap,
        audit::the_trail_is_append_only,
        audit::what_only_a_newer_program_knows_is_told_by_its_name,
    ]
    AuditHorizon: [
        audit::a_tail_hands_out_each_event_once,
        audit::a_tail_misses_nothing_while_many_write,
    ]
    DeleteAuditBefore: [audit::old_events_go_in_batches_and_the_newest_stays]
    ChangeSettingsRecord: [
        audit::the_settings_record_is_kept_with_its_events,
        audit::replicas_that_start_at_once_write_one_event,
    ]
    Sessions: [
        criteria::each_criterion_finds_what_meets_it_and_nothing_else,
        criteria::criteria_must_all_be_met,
        criteria::sessions_are_found_by_whether_they_are_over,
        criteria::sessions_come_with_their_users_in_the_order_of_their_ids,
    ]
    MatchingSessions: [criteria::pages_of_sessions_follow_each_other_without_gap_or_overlap]
    PutPlan: [
        plans::a_plan_comes_back_as_it_was,
        plans::a_session_cannot_be_in_a_plan_twice,
    ]
    Plan: [plans::a_missing_plan_is_none]
    ChangePlanned: [
        plans::a_missing_plan_is_not_decided_over,
        plans::the_sessions_of_a_plan_come_in_batches_those_of_one_user_together,
        plans::what_is_decided_over_a_batch_is_written_whole,
        plans::a_batch_that_fails_half_way_leaves_nothing,
        standing::a_batch_learns_whether_its_administrator_is_one,
        plans::two_runs_of_a_plan_take_turns,
        plans::a_batch_sees_the_refresh_that_it_waited_for,
    ]
    RemoveSessionsOver: [
        cleanup::sessions_go_when_they_and_their_tokens_were_over_at_the_cutoff,
        cleanup::removal_goes_on_after_the_last_one_looked_at,
    ]
    RemoveRevocations: [cleanup::dropped_entries_go_a_few_at_a_time_the_oldest_first]
    RemovePlans: [cleanup::expired_plans_go_with_their_sessions_a_few_at_a_time]
    HoldJob: [
        jobs::of_many_who_want_a_job_one_gets_it,
        jobs::a_job_is_taken_over_when_its_holder_is_not_heard_of,
    ]
    FinishJob: [jobs::a_job_that_was_done_is_not_done_again_too_soon]
    Close: [
        lifetime::closing_waits_for_what_is_being_written,
        lifetime::a_new_start_finds_everything,
    ]
}
