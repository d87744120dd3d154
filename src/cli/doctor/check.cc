#include "cli/doctor/check.h"

#include <algorithm>
#include <array>

#include "base/printable.h"

namespace modelrun::cli::doctor {
namespace {

constexpr std::string_view kApiServer = "api-server";

constexpr std::array kChecks{
    Check{kApiServer, "whether the API server answers", "", check_api_server},
    Check{"kubernetes", "the version of Kubernetes", kApiServer, check_kubernetes},
    Check{"your-rights", "whether you may make runs and read them in this namespace", kApiServer, check_caller},
    Check{"crds", "CustomResourceDefinitions, field by field", kApiServer, check_crds},
    Check{"operator", "the operator's Deployment and its pods", kApiServer, check_operator},
    Check{"leader", "the operator's Lease", kApiServer, check_leader},
    Check{"version", "the operator's version and that of this program", kApiServer, check_version},
    Check{"operator-rights", "what the operator's service account may do", kApiServer, check_operator_rights},
    Check{"run-server", "the Service that run pods reach, its endpoints and its certificate", kApiServer,
          check_run_server},
    Check{"gateway", "the gateway's Deployment, Service and readiness", kApiServer, check_gateway},
    Check{"probe", "a pod with the labels of a run's pod (--run)", kApiServer, check_probe},
    Check{"network-policy", "whether something enforces the NetworkPolicy of run pods", kApiServer,
          check_network_policy},
    Check{"nodes", "nodes and their kernels", kApiServer, check_nodes},
    Check{"sandbox", "the rings that stood in the newest runs", "crds", check_sandbox},
    Check{"projects", "ModelProjects that are not Ready", "crds", check_projects},
    Check{"quotas", "ResourceQuotas that leave no room for runs", kApiServer, check_quotas},
    Check{"waiting-runs", "runs that something keeps from starting", "crds", check_waiting_runs},
};

// The findings of a check that could not look.
Findings of_error(const Error& error) {
  Findings findings;
  const auto sentence = printable(error.message);
  if (error.kind == ErrorKind::kDenied) {
    findings.warn(fmt::format("This is not known, because {}.", sentence),
                  "Ask an administrator for this right, or to run `kubectl modelrun doctor`.");
  } else if (is_transient(error.kind)) {
    findings.fail(fmt::format("The API server did not answer: {}.", sentence),
                  "Check the network, --context and the API server, then try again.");
  } else {
    findings.fail(fmt::format("This could not be read: {}.", sentence), "See `kubectl modelrun doctor --help`.");
  }
  return findings;
}

// Of the check during which, or before which, time has run out: the installation has not been looked at as a whole.
Findings out_of_time_findings(std::string_view out_of_time) {
  Findings late;
  late.fail(fmt::format("This check did not come to its end: {}.", out_of_time),
            "Try again with a longer --timeout; if that does not help, the API server is too slow.");
  return late;
}

Findings examine_one(Installation& installation, const Check& check, const std::vector<Outcome>& before,
                     std::string_view out_of_time) {
  const auto needed = std::ranges::find_if(before, [&](auto& each) { return each.check->name == check.needs; });
  if (needed != before.end()) {
    if (needed->findings.skipped) return skip(fmt::format("this needs {}, which was skipped", check.needs));
    if (needed->findings.verdict() == Verdict::kFail) {
      return skip(fmt::format("this needs {}, which has failed", check.needs));
    }
  }
  if (installation.stop().stop_requested()) return out_of_time_findings(out_of_time);
  auto findings = check.look(installation);
  // A check may make do with less when a request of its fails: what it says then counts only if it is a failure.
  const bool failed = findings && findings->verdict() == Verdict::kFail;
  if (installation.stop().stop_requested() && !failed) return out_of_time_findings(out_of_time);
  return findings ? std::move(*findings) : of_error(findings.error());
}

}  // namespace

std::span<const Check> all_checks() {
  return kChecks;
}

std::vector<Outcome> examine(Installation& installation, std::span<const Check> checks, std::string_view out_of_time,
                             const std::function<void(const Outcome&)>& on_outcome) {
  std::vector<Outcome> outcomes;
  bool late = false;
  for (const auto& check : checks) {
    outcomes.push_back(
        {&check, late ? skip(std::string(out_of_time)) : examine_one(installation, check, outcomes, out_of_time)});
    on_outcome(outcomes.back());
    late = late || installation.stop().stop_requested();
  }
  return outcomes;
}

}  // namespace modelrun::cli::doctor
