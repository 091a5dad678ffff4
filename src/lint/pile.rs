//! Files of every kind, laid together.

use std::fs;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::redact;
use cfdoctor_checks::evidence::text::shorten;
use cfdoctor_checks::evidence::zone::Zone;
use cfdoctor_checks::evidence::{Evidence, Gateway, Gathered, Target};
use time::OffsetDateTime;

use super::declared::{self, Declared};
use super::detect::{START, detect, looks_like_har};
use super::{
    End, Kind, LintError, LintInput, Linted, account, har, harmless, http_dump, observations, pem, template, terraform,
    zone,
};
use crate::recording::{self, MAX_FILE};

/// Largest plan: those of thousands of resources have tens of megabytes.
pub(super) const MAX_PLAN: u64 = 256 * MIB;
/// Octets of a mebibyte.
pub(super) const MIB: u64 = 1024 * 1024;

/// What the files brought so far.
#[derive(Default)]
pub(super) struct Pile {
    recording: Option<Evidence>,
    edge: Vec<http_dump::Answer>,
    origin: Vec<http_dump::Answer>,
    har: Vec<har::Group>,
    observed: Vec<observations::Observations>,
    zone: Option<Zone>,
    account: Option<Gateway>,
    declared: Declared,
    /// Is there a plan or a template?
    plans: bool,
    pem: pem::Pem,
    notes: Vec<String>,
}

impl Pile {
    pub(super) fn add(&mut self, end: End, path: &Path, input: &LintInput) -> Result<(), LintError> {
        let shown = path.display().to_string();
        let io = |source| LintError::Io { path: shown.clone(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        if metadata.is_dir() {
            if !recording::is_recording(path) {
                let why = format!("a folder without {}: not a recording (--record DIR makes one)", recording::VISIT);
                return Err(LintError::Unreadable { path: shown, why });
            }
            self.recording = Some(recording::read(path, None)?);
            return Ok(());
        }
        let mut file = fs::File::open(path).map_err(io)?;
        let mut start = Vec::new();
        file.by_ref().take(START).read_to_end(&mut start).map_err(io)?;
        let unreadable = |why: String| LintError::Unreadable { path: shown.clone(), why };
        let kind = match input.kind {
            Some(kind) => kind,
            None if looks_like_har(&start) => Kind::Har,
            None if terraform::is_one(&start) => Kind::Terraform,
            None if metadata.len() > MAX_FILE => return Err(LintError::TooLarge { path: shown, most: MAX_FILE / MIB }),
            None => {
                let mut whole = start.clone();
                file.by_ref().read_to_end(&mut whole).map_err(io)?;
                detect(&whole).map_err(unreadable)?
            }
        };
        file.rewind().map_err(io)?;
        if kind == Kind::Har {
            return self.take_har(BufReader::with_capacity(1 << 20, file), &shown).map_err(unreadable);
        }
        let most = if kind == Kind::Terraform { MAX_PLAN } else { MAX_FILE };
        if metadata.len() > most {
            return Err(LintError::TooLarge { path: shown, most: most / MIB });
        }
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).map_err(io)?;
        self.take(end, kind, &bytes, &shown, input).map_err(unreadable)
    }

    fn take_har(&mut self, reader: impl Read, shown: &str) -> Result<(), String> {
        let found = har::read(reader)?;
        self.notes.extend(found.notes.into_iter().map(|note| format!("{shown}: {note}")));
        self.har.extend(found.groups);
        Ok(())
    }

    /// Adds what a file holds.
    ///
    /// # Errors
    /// Why it cannot be read as this kind.
    pub(super) fn take(
        &mut self,
        end: End,
        kind: Kind,
        bytes: &[u8],
        shown: &str,
        input: &LintInput,
    ) -> Result<(), String> {
        match kind {
            Kind::Observations => {
                let (found, notes) = observations::parse(bytes)?;
                self.notes.extend(notes.into_iter().map(|note| format!("{shown}: {note}")));
                self.observed.push(found);
            }
            Kind::Zone => {
                let zone = zone::laid_over(self.zone.take(), bytes)?;
                self.notes
                    .extend(zone.oddities.iter().map(|what| format!("{shown}: not understood, left out: {what}")));
                self.zone = Some(zone);
            }
            Kind::Account => {
                let account = account::read(bytes)?;
                self.account = Some(match self.account.take() {
                    Some(known) => known.merge(account),
                    None => account,
                });
            }
            Kind::Terraform => {
                let region = input.region.as_deref();
                terraform::read(bytes, shown, region, &mut self.declared)?;
                self.plans = true;
            }
            Kind::Template => {
                let region = input.region.as_deref();
                template::read(bytes, shown, region, &mut self.declared)?;
                self.plans = true;
            }
            Kind::Pem => self.pem.add(bytes, shown, &mut self.notes)?,
            Kind::Http => {
                let (answers, notes) = http_dump::parse(bytes)?;
                self.notes.extend(notes.into_iter().map(|note| format!("{shown}: {note}")));
                match end {
                    End::Edge => self.edge.extend(answers),
                    End::Origin => self.origin.extend(answers),
                }
            }
            Kind::Har => self.take_har(bytes, shown)?,
            Kind::Recording => return Err("a recording is a folder; give the folder, not a file in it".into()),
        }
        Ok(())
    }

    pub(super) fn lay_together(mut self, input: &LintInput) -> Result<Linted, LintError> {
        self.notes.append(&mut self.declared.notes);
        let unreadable = |(path, why)| LintError::Unreadable { path, why };
        self.pem.agree(&mut self.notes).map_err(unreadable)?;
        let mut places = self.declared.places();
        places.chain = self.pem.place().cloned();
        let linted = if self.har.is_empty() { self.lay_together_one(input)? } else { self.lay_together_har(input)? };
        Ok(Linted { declared: self.declared, places, notes: harmless(linted.notes), ..linted })
    }

    fn lay_together_one(&mut self, input: &LintInput) -> Result<Linted, LintError> {
        let mut evidence = match (&self.recording, &input.url) {
            (Some(recorded), _) => recorded.clone(),
            (None, Some(target)) => Evidence::nothing(target.clone(), input.at.unwrap_or_else(now)),
            (None, None) => {
                let url = self.edge.iter().chain(&self.origin).find_map(http_dump::Answer::url);
                match url.and_then(|url| Target::pasted(&url).ok()) {
                    Some(target) => Evidence::nothing(target, input.at.unwrap_or_else(now)),
                    None => return self.declared_hosts(input),
                }
            }
        };
        if let Some(at) = input.at {
            evidence.gathered_at = at;
        }
        input.apply(&mut evidence.target);
        self.lay_known(&mut evidence);
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(self.account.iter().flat_map(account::waiting));
        for observed in &self.observed {
            observed.lay_over(&mut evidence);
        }
        let (edge, origin) = (std::mem::take(&mut self.edge), std::mem::take(&mut self.origin));
        http_dump::lay_over(&mut evidence, edge, origin, input.method.as_deref(), &mut notes);
        evidence.target = evidence.target.redacted();
        Ok(Linted { evidence: vec![evidence], notes, ..Linted::default() })
    }

    /// The hosts that plans and templates declare: each is a target.
    fn declared_hosts(&mut self, input: &LintInput) -> Result<Linted, LintError> {
        let hosts = self.declared.hosts(&mut self.notes);
        if hosts.is_empty() {
            // A plan without a site is no mistake; files of other kinds that name no URL are.
            let notes = std::mem::take(&mut self.notes);
            return if self.plans { Ok(Linted { notes, ..Linted::default() }) } else { Err(LintError::NoUrl) };
        }
        if hosts.len() > 1 && self.pem.place().is_some() {
            self.notes.push("the chain is not judged: name the host that will send it with --url".into());
        }
        let lone = hosts.len() == 1;
        let mut groups = Vec::new();
        for (_, hosts) in self.declared.groups(hosts) {
            let targets = hosts.iter().filter_map(|host| host.parse::<Target>().ok());
            let mut targets: Vec<Target> = targets.collect();
            let Some(first) = targets.first() else { continue };
            let mut evidence = Evidence::nothing(first.clone(), input.at.unwrap_or_else(now));
            input.apply(&mut evidence.target);
            self.lay_declared(&mut evidence, lone);
            for target in &mut targets {
                input.apply(target);
                if target.origin.is_none() {
                    target.origin = declared::origin_of(&evidence.zone, target);
                }
            }
            groups.push((evidence, targets));
        }
        Ok(Linted { groups, notes: std::mem::take(&mut self.notes), ..Linted::default() })
    }

    /// Zone and account: the files', what is declared laid over them, and the chain that the origin will send.
    fn lay_declared(&self, evidence: &mut Evidence, with_chain: bool) {
        let host = evidence.target.host.clone();
        let zone = self.zone.clone().or_else(|| evidence.zone.found().cloned());
        if let Some(zone) = self.declared.zone_over(&host, zone.as_ref()) {
            evidence.zone = Gathered::Found(zone);
        }
        let account = match (self.account.clone(), evidence.gateway.found()) {
            (Some(account), Some(recorded)) => Some(account.merge(recorded.clone())),
            (account, recorded) => account.or_else(|| recorded.cloned()),
        };
        if let Some(gateway) = self.declared.account_over(account.as_ref()) {
            evidence.gateway = Gathered::Found(gateway);
        }
        if with_chain && let Some(handshake) = self.pem.handshake(&evidence.target) {
            evidence.origin.tls = handshake;
        }
    }

    /// The zone and the account of the files, and what its record points at where the user did not say it.
    fn lay_known(&self, evidence: &mut Evidence) {
        self.lay_declared(evidence, true);
        if evidence.target.origin.is_none() {
            evidence.target.origin = declared::origin_of(&evidence.zone, &evidence.target);
        }
    }

    /// One evidence for each URL of the HAR files, or for the one that was named.
    fn lay_together_har(&mut self, input: &LintInput) -> Result<Linted, LintError> {
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(self.account.iter().flat_map(account::waiting));
        let mut found = Vec::new();
        for group in std::mem::take(&mut self.har) {
            let Ok(mut target) = group.url.parse::<Target>() else {
                notes
                    .push(format!("{}: not a URL that can be judged, skipped", shorten(&redact::text(&group.url), 80)));
                continue;
            };
            if input.url.as_ref().is_some_and(|url| url.url() != target.url()) {
                continue;
            }
            input.apply(&mut target);
            if input.method.is_none()
                && let Some(first) = group.exchanges.first()
            {
                target.method.clone_from(&first.request.method);
            }
            let newest = group.exchanges.iter().filter_map(|exchange| exchange.sent_at).max();
            let at = input.at.or(newest).unwrap_or_else(now);
            let mut evidence = Evidence::nothing(target.redacted(), at);
            self.lay_known(&mut evidence);
            evidence.edge.http = Gathered::Found(http_dump::only_samples(group.exchanges, Probe::EdgeHttp));
            for observed in &self.observed {
                observed.lay_over(&mut evidence);
            }
            found.push(evidence);
        }
        if let (true, Some(url)) = (found.is_empty(), &input.url) {
            return Err(LintError::NotInHar { url: redact::text(&url.url()) });
        }
        Ok(Linted { evidence: found, notes, ..Linted::default() })
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
