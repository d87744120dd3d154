// The checks of `kubectl modelrun doctor`, each a function of its own, in the order in which they are made.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/doctor/findings.h"
#include "cli/doctor/installation.h"

namespace modelrun::cli::doctor {

// A check reads the installation and returns what it has found. An error means that it could not look: kDenied, with
// a message that names the missing right, becomes a warning, every other one a failure.
using Look = Result<Findings> (*)(Installation&);

struct Check {
  std::string_view name;
  std::string_view looks_at;
  // The check that has to come out without a failure before this one is made; empty: none. A check that needs a fact
  // of an Installation that no earlier check could set skips itself.
  std::string_view needs;
  Look look;
};

Result<Findings> check_api_server(Installation& installation);
Result<Findings> check_kubernetes(Installation& installation);
Result<Findings> check_caller(Installation& installation);
Result<Findings> check_crds(Installation& installation);
Result<Findings> check_operator(Installation& installation);
Result<Findings> check_leader(Installation& installation);
Result<Findings> check_version(Installation& installation);
Result<Findings> check_operator_rights(Installation& installation);
Result<Findings> check_run_server(Installation& installation);
Result<Findings> check_gateway(Installation& installation);
Result<Findings> check_probe(Installation& installation);
Result<Findings> check_network_policy(Installation& installation);
Result<Findings> check_nodes(Installation& installation);
Result<Findings> check_sandbox(Installation& installation);
Result<Findings> check_projects(Installation& installation);
Result<Findings> check_quotas(Installation& installation);
Result<Findings> check_waiting_runs(Installation& installation);

// All of them, in their order: a check comes behind the one that it needs.
std::span<const Check> all_checks();

struct Outcome {
  const Check* check = nullptr;
  Findings findings;
};

// Makes the checks one after the other and hands over each outcome when it is there. Blocks. When the stop token of the
// installation is requested, the check that is under way fails, or else the next one, and those behind it are skipped,
// with `out_of_time` as the reason.
std::vector<Outcome> examine(Installation& installation, std::span<const Check> checks, std::string_view out_of_time,
                             const std::function<void(const Outcome&)>& on_outcome);

// The text of one outcome: a line, and below it for each problem its sentence and what to do.
std::string outcome_text(const Outcome& outcome);
// The last line: how many checks came out how.
std::string summary_text(std::span<const Outcome> outcomes);
// All of it, for programs.
kube::Json report_json(std::span<const Outcome> outcomes);
// 1 if a check has failed, else 0.
int exit_code_of(std::span<const Outcome> outcomes);

}  // namespace modelrun::cli::doctor
