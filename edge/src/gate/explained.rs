//! What an explanation asks of a case beside the decision. The Worker is built without it.

use portcullis_shared::routes::Demand;

use crate::credential::Presented;

use super::{Case, Config};

impl<'a> Case<'a> {
    /// What the request shows.
    pub fn presented(&self) -> Presented<'a> {
        self.presented
    }

    /// The place in the table, from 0, of the foreign issuer that the token is held against.
    pub fn foreign_number(&self) -> Option<usize> {
        self.foreign.map(|foreign| foreign.number)
    }

    /// The same request on the same route, were it judged by these settings and this demand.
    pub fn under<'b>(&self, config: &'b Config, demand: &'b Demand) -> Case<'b>
    where
        'a: 'b,
    {
        Case {
            config,
            demand,
            head: self.head,
            target: self.target,
            rule: self.rule,
            foreign: self.foreign,
            presented: self.presented,
        }
    }
}
