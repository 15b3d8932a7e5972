//! Puts what was read together, in the order of the texts.

use crate::cedar::{uid, Cedar, Index, Info, Root};
use crate::facts;
use crate::load::{located, Source};
use crate::prepare::{Prepared, Terms};
use cedar_policy::{Policy, PolicyId};
use std::collections::HashMap;

const MAX_MENTIONS: usize = 1 << 16;

#[derive(Default)]
pub struct Loader {
    info: Vec<Info>,
    mentions: Vec<String>,
    mention_index: HashMap<String, u32>,
    index: Index,
    indices: HashMap<PolicyId, u32>,
}

impl Loader {
    pub fn add(&mut self, sources: &[Source], prepared: Prepared) -> Result<(), String> {
        let (source, start) = (&sources[prepared.info.source], prepared.info.bytes.start);
        self.place(prepared).map_err(|why| located(source, Some(start), &why))
    }

    pub fn finish(self, terms: Terms) -> Cedar {
        let uids = self.mentions.iter().map(|name| uid(&terms.resource_type, name).into());
        Cedar {
            mention_uids: uids.collect(),
            info: self.info,
            mentions: self.mentions,
            index: self.index,
            agent: terms.agent,
            actions: terms.actions,
            resource_type: terms.resource_type,
        }
    }

    fn place(&mut self, prepared: Prepared) -> Result<(), String> {
        let Prepared { policy, mentions, roots, excluded, mut info, confined } = prepared;
        if let Some(&other) = self.indices.get(policy.id()) {
            return Err(format!(
                "the id {} is taken by a policy of {}",
                info.id, self.info[other as usize].file
            ));
        }
        for name in mentions {
            self.mention(name)?;
        }
        info.roots = self.roots(roots)?;
        info.excluded = self.subtrees(excluded.names)?;
        info.excluded_but = self.subtrees(excluded.but)?;
        self.index(policy, info, confined);
        Ok(())
    }

    fn mention(&mut self, name: String) -> Result<u32, String> {
        if let Some(&index) = self.mention_index.get(&name) {
            return Ok(index);
        }
        let index = self.mentions.len();
        if index >= MAX_MENTIONS {
            return Err(format!("more than {MAX_MENTIONS} resources are named"));
        }
        self.mentions.push(name.clone());
        self.mention_index.insert(name, index as u32);
        Ok(index as u32)
    }

    fn roots(&mut self, roots: Vec<facts::Root>) -> Result<Vec<Root>, String> {
        let known = |root: facts::Root| {
            Ok(Root { mention: self.mention(root.name)?, subtree: root.subtree.into() })
        };
        roots.into_iter().map(known).collect()
    }

    fn subtrees(&mut self, names: Vec<String>) -> Result<Vec<Root>, String> {
        self.roots(names.into_iter().map(|name| facts::Root { name, subtree: true }).collect())
    }

    /// Files a policy under its roots where it is confined to them: where its head says so, or where
    /// nothing else is tested.
    fn index(&mut self, policy: Policy, info: Info, confined: bool) {
        let mut places: Vec<u32> =
            info.roots.iter().filter(|_| confined).map(|root| root.mention).collect();
        places.sort_unstable();
        places.dedup();
        let number = self.info.len() as u32;
        // What is confined to no place at all, or is for another agent, never applies.
        if info.applies && !(confined && places.is_empty()) {
            self.index.add(&policy, number, &info, places);
        }
        self.indices.insert(policy.id().clone(), number);
        self.info.push(info);
    }
}
