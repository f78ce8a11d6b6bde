//! Names that nobody signs up with: whoever has one could be taken for somebody who speaks for the
//! service. Administrators may still give them away.

use std::collections::BTreeSet;

use crate::domain::user::Username;

/// Names, with all that look like one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReservedNames {
    skeletons: BTreeSet<String>,
}

impl ReservedNames {
    /// Whether a name is one of them, or looks like one.
    pub fn contains(&self, name: &Username) -> bool {
        self.skeletons.contains(&name.skeleton())
    }
}

impl FromIterator<Username> for ReservedNames {
    fn from_iter<Names: IntoIterator<Item = Username>>(names: Names) -> Self {
        let skeletons = names.into_iter().map(|name| name.skeleton());
        Self {
            skeletons: skeletons.collect(),
        }
    }
}
