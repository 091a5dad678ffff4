//! What explains the program itself: checks, schema, completions, manual page.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Cli, ExplainArgs, ExplainFormat, SchemaOf};
use super::{CommandError, suggest, to_stdout};
use crate::explain::{self, Entry};
use crate::policy::OK;
use crate::render::jsonl::Line;
use crate::report::{Difference, Report};

/// `cfdoctor explain [CHECK]`
pub(super) fn explain(arguments: &ExplainArgs) -> Result<u8, CommandError> {
    let all = explain::catalogue();
    let chosen: Vec<&Entry> = match &arguments.check {
        None => all.iter().collect(),
        Some(name) => {
            let chosen: Vec<&Entry> = all.iter().filter(|entry| entry.id == *name || entry.area == *name).collect();
            if chosen.is_empty() {
                return Err(unknown(&all, name));
            }
            chosen
        }
    };
    let look = super::stage::stdout_look(arguments.color);
    let mut text = Vec::new();
    let single = arguments.check.is_some();
    match arguments.format {
        ExplainFormat::Human if single => explain::human(&chosen, &look, &mut text),
        ExplainFormat::Human => explain::human_catalogue(&chosen, &look, &mut text),
        ExplainFormat::Markdown => explain::markdown(&chosen, &mut text),
        ExplainFormat::Json => explain::json(&chosen, &mut text),
    }
    .map_err(|error| CommandError::Internal(format!("explain: {error}")))?;
    to_stdout(&text)?;
    Ok(OK)
}

fn unknown(all: &[Entry], name: &str) -> CommandError {
    if cfdoctor_checks::RETIRED.contains(&name) {
        return CommandError::usage(format!("explain: the check {name:?} is retired"));
    }
    let names = all.iter().flat_map(|entry| [entry.id.as_str(), entry.area.as_str()]);
    let hint = suggest::hint(name, names);
    CommandError::usage(format!("explain: no check {name:?} is known{hint} (`cfdoctor explain` lists them all)"))
}

/// `cfdoctor schema report`
pub(super) fn schema(what: SchemaOf) -> Result<u8, CommandError> {
    let schema = match what {
        SchemaOf::Report => Report::schema(),
        SchemaOf::Diff => schemars::schema_for!(Difference),
        SchemaOf::Config => schemars::schema_for!(crate::config::Config),
        SchemaOf::Jsonl => schemars::schema_for!(Line<'static>),
    };
    let mut text =
        serde_json::to_vec_pretty(&schema).map_err(|error| CommandError::Internal(format!("schema: {error}")))?;
    text.push(b'\n');
    to_stdout(&text)?;
    Ok(OK)
}

/// `cfdoctor completions SHELL`
pub(super) fn completions(shell: Shell) -> Result<u8, CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cfdoctor", &mut text);
    to_stdout(&text)?;
    Ok(OK)
}

/// `cfdoctor man`: the program's page, with the options of the default command, then a section for each other command.
pub(super) fn man() -> Result<u8, CommandError> {
    let text = manual_page().map_err(|error| CommandError::Internal(format!("man: {error}")))?;
    to_stdout(&text)?;
    Ok(OK)
}

fn manual_page() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for sub in command.get_subcommands().filter(|sub| !["help", "check"].contains(&sub.get_name())) {
        let page = clap_mangen::Man::new(sub.clone());
        let name = sub.get_name().to_uppercase();
        text.extend(format!(".SH \"COMMAND {name}\"\n").bytes());
        let mut section = Vec::new();
        page.render_description_section(&mut section)?;
        page.render_options_section(&mut section)?;
        // Sections of the sub-command become sub-sections of the page.
        text.extend(String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ").bytes());
    }
    Ok(text)
}
