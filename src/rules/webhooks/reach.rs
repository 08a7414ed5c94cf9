//! What webhooks can be called for at all, as far as their conditions and the state of the cluster decide.

use super::{Webhook, WebhookConfiguration, WebhookRule, matches_name};
use crate::catalog::{Api, Catalog, SystemWrite};
use crate::rules::engine::match_conditions::{self, KnownRequest};

/// What `*` means in `operations`.
const OPERATIONS: [&str; 4] = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

impl Webhook {
    /// Whether its conditions let it be called for a write that its rules and selectors match; `None` if that depends on
    /// more than is known of the request.
    pub(super) fn conditions_admit(
        &self,
        row: &SystemWrite,
        configuration: &WebhookConfiguration<'_>,
    ) -> Option<bool> {
        if self.match_conditions.is_empty() {
            return Some(true);
        }
        let namespaces = match row.namespaced {
            true => self.matched_namespaces(configuration),
            false => vec![""],
        };
        let operations = row.operations().filter(|operation| {
            let rules = self.rules.iter();
            let covering = rules.filter(|rule| rule.covers(row, configuration.cluster));
            covering
                .clone()
                .any(|rule| matches_name(&rule.operations, operation))
        });
        let outcomes = operations.flat_map(|operation| {
            let written = namespaces
                .iter()
                .filter(|name| !row.namespaced || row.is_written_in(name));
            written.map(move |namespace| KnownRequest {
                group: row.group(),
                resource: &row.resource,
                operation,
                namespace,
            })
        });
        let outcomes: Vec<Option<bool>> = outcomes
            .map(|request| match_conditions::is_called(&self.match_conditions, request))
            .collect();
        match outcomes.contains(&Some(true)) {
            true => Some(true),
            false => outcomes.iter().all(Option::is_some).then_some(false),
        }
    }

    /// Whether nothing that exists in the cluster can be written so that it is called: its rules name no served API or the
    /// wrong scope, no namespace matches its selector, or its conditions exclude every request.
    pub(super) fn matches_nothing(
        &self,
        configuration: &WebhookConfiguration<'_>,
        catalog: &Catalog,
    ) -> bool {
        let namespaces = self.matched_namespaces(configuration);
        let knows_namespaces = !configuration.namespaces.0.is_empty();
        let is_idle = |rule: &WebhookRule| {
            let scopes: Vec<Option<bool>> = rule.namespaced_resources(catalog);
            let all = |namespaced: bool| scopes.iter().all(|scope| *scope == Some(namespaced));
            let is_namespaced = rule.scope.as_deref() == Some("Namespaced") || all(true);
            let has_wrong_scope = match rule.scope.as_deref() {
                Some("Namespaced") => all(false),
                Some("Cluster") => all(true),
                _ => false,
            };
            !rule.is_served(configuration)
                || has_wrong_scope
                || is_namespaced
                    && knows_namespaces
                    && (namespaces.is_empty() || self.conditions_exclude(rule, &namespaces))
        };
        match_conditions::never_called(&self.match_conditions) || self.rules.iter().all(is_idle)
    }

    /// Namespaces that its namespaceSelector matches.
    fn matched_namespaces<'a>(&self, configuration: &'a WebhookConfiguration<'_>) -> Vec<&'a str> {
        let namespaces = configuration.namespaces.0.iter();
        let matched = namespaces.filter(|(_, labels)| self.matches_namespace(labels));
        matched.map(|(name, _)| name.as_str()).collect()
    }

    /// Whether its conditions exclude everything that a rule names one by one.
    fn conditions_exclude(&self, rule: &WebhookRule, namespaces: &[&str]) -> bool {
        let is_any = |list: &[String]| list.iter().any(|entry| entry.contains('*'));
        if self.match_conditions.is_empty() || is_any(&rule.api_groups) || is_any(&rule.resources) {
            return false;
        }
        let operations = OPERATIONS
            .iter()
            .filter(|name| matches_name(&rule.operations, name));
        let mut requests = operations.flat_map(|operation| {
            rule.api_groups.iter().flat_map(move |group| {
                rule.resources.iter().flat_map(move |resource| {
                    namespaces.iter().map(move |namespace| KnownRequest {
                        group,
                        resource,
                        operation,
                        namespace,
                    })
                })
            })
        });
        requests.all(|request| {
            match_conditions::is_called(&self.match_conditions, request) == Some(false)
        })
    }
}

impl WebhookRule {
    /// Whether the server offers any API that it names.
    fn is_served(&self, configuration: &WebhookConfiguration<'_>) -> bool {
        let served = &configuration.cluster.discovery.group_versions;
        served.iter().any(|api_version| {
            let (group, version) = api_version
                .split_once('/')
                .unwrap_or(("", api_version.as_str()));
            matches_name(&self.api_groups, group) && matches_name(&self.api_versions, version)
        })
    }

    /// Whether the resources that it names have namespaces; `None` for those that the catalog does not know.
    fn namespaced_resources(&self, catalog: &Catalog) -> Vec<Option<bool>> {
        let groups = self.api_groups.iter();
        let resources = groups.flat_map(|group| {
            self.resources.iter().map(move |entry| {
                let plural = entry.split('/').next().unwrap_or_default();
                let is_named =
                    |api: &&Api| api.resource == plural && (group == "*" || api.group() == group);
                let mut apis = catalog.apis.iter().filter(is_named);
                let is_namespaced = apis.next()?.namespaced;
                let agree = apis.all(|api| api.namespaced == is_namespaced);
                agree.then_some(is_namespaced)
            })
        });
        resources.collect()
    }
}
