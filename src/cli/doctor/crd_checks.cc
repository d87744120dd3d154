// The CustomResourceDefinitions, beside those that this program was built with.
#include <crd_files.h>  // made of crds/ by the build

#include "api/json_access.h"
#include "api/object_meta.h"
#include "cli/doctor/check.h"
#include "cli/doctor/crd_schema.h"
#include "cli/yaml.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

std::string apply_crds(const Installation& installation) {
  return fmt::format("Apply the CRDs of version {}, in a checkout of it: `{}`; or upgrade the release with its chart.",
                     MODELRUN_VERSION, installation.kubectl("apply --server-side --force-conflicts -f crds/"));
}

// Why the API server does not serve the resource; "" if it does.
std::string not_established(const kube::Json& crd) {
  if (api::decode_meta(crd).deleting()) return "it is being deleted";
  const auto conditions = conditions_of(crd);
  const auto* names = api::find_condition(conditions, "NamesAccepted");
  if (names != nullptr && names->status != api::ConditionStatus::kTrue) return names->message;
  if (has_true(crd, "Established")) return {};
  return "the API server has not established it yet";
}

void compare(const Installation& installation, const std::string& name, const kube::Json& crd, const kube::Json& ours,
             Findings& findings) {
  const std::string version(kube::kModelRuns.version);
  if (const auto reason = not_established(crd); !reason.empty()) {
    findings.fail(fmt::format("CustomResourceDefinition {} is not served: {}.", name, reason),
                  fmt::format("See `{}`.", installation.kubectl("describe crd " + name)));
    return;
  }
  if (!api::bool_at(version_of(crd, version), "served")) {
    findings.fail(fmt::format("CustomResourceDefinition {} does not serve version {}, which this program and the "
                              "operator of the same version use.",
                              name, version),
                  apply_crds(installation));
    return;
  }
  const auto difference = compare_schemas(crd, ours, version);
  if (!difference.lacking.empty()) {
    findings.fail(fmt::format("CustomResourceDefinition {} is older than this program ({}): it lacks {}, which the API "
                              "server therefore drops or refuses.",
                              name, MODELRUN_VERSION, some_of(difference.lacking)),
                  apply_crds(installation));
  } else if (!difference.unknown.empty()) {
    findings.warn(fmt::format("CustomResourceDefinition {} is newer than this program ({}): it has {}.", name,
                              MODELRUN_VERSION, some_of(difference.unknown)),
                  "Install the kubectl-modelrun of the installed version.");
  } else if (difference.other_rules) {
    findings.warn(fmt::format("CustomResourceDefinition {} has the fields of version {}, but other types, bounds, "
                              "defaults or rules.",
                              name, MODELRUN_VERSION),
                  apply_crds(installation));
  }
}

}  // namespace

Result<Findings> check_crds(Installation& installation) {
  Findings findings;
  for (const auto& file : crd_files()) {
    const auto documents = parse_yaml(file.bytes);
    if (!documents) return fail_in(file.name, documents.error());
    const auto& ours = documents->front();
    const auto name = text_at(member(ours, "metadata"), "name");
    const auto crd = installation.find(kube::kCustomResourceDefinitions, "", name);
    RETURN_IF_ERROR(crd);
    if (!*crd) {
      findings.fail(fmt::format("CustomResourceDefinition {} is missing, so that the API server knows no {}.", name,
                                text_at(member(member(ours, "spec"), "names"), "kind")),
                    apply_crds(installation));
      continue;
    }
    compare(installation, name, **crd, ours, findings);
  }
  findings.summary = fmt::format("{} there, with the fields of version {}", crd_files().size(), MODELRUN_VERSION);
  return findings;
}

}  // namespace modelrun::cli::doctor
