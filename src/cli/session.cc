#include "cli/session.h"

#include <initializer_list>
#include <optional>
#include <utility>

#include "kube/files.h"

namespace modelrun::cli {

std::string Session::hint(std::string_view command) const {
  std::string text = fmt::format("kubectl modelrun {} -n {}", command, namespace_);
  if (!flags.context.empty()) text += " --context " + flags.context;
  if (!flags.kubeconfig.empty()) text += " --kubeconfig " + flags.kubeconfig;
  return text;
}

namespace {

std::optional<std::string> without_prefix(std::string_view argument, std::initializer_list<std::string_view> prefixes) {
  for (const auto prefix : prefixes) {
    if (argument.starts_with(prefix)) return std::string(argument.substr(prefix.size()));
  }
  return std::nullopt;
}

}  // namespace

std::string run_name(std::string_view argument) {
  return without_prefix(argument, {"modelrun.modelrun.dev/", "modelrun/", "modelruns/", "mr/"})
      .value_or(std::string(argument));
}

Target target_of(std::string_view argument) {
  auto sweep = without_prefix(argument, {"modelsweep.modelrun.dev/", "modelsweep/", "modelsweeps/", "msw/"});
  if (sweep) return {&kube::kModelSweeps, std::move(*sweep)};
  return {&kube::kModelRuns, run_name(argument)};
}

std::string full_name(const Target& target) {
  return fmt::format("{}.{}/{}", target.is_sweep() ? "modelsweep" : "modelrun", target.resource->group, target.name);
}

Result<kube::Json> get_object(Session& session, const Target& target) {
  return session.client.get(*target.resource, session.namespace_, target.name, session.stop);
}

Result<kube::Json> get_run(Session& session, const std::string& name) {
  if (target_of(name).is_sweep()) {
    return fail(ErrorKind::kInvalid,
                "{} is a sweep, and this command takes a run: `{}` shows the runs that it has made", name,
                session.hint("describe " + name));
  }
  return session.client.get(kube::kModelRuns, session.namespace_, name, session.stop);
}

Result<std::string> read_file(const Console& console, const std::string& path) {
  if (path == "-") return console.read_input();
  return kube::read_text_file(path, 4U << 20U);
}

std::string advice(const Session& session, const Error& error) {
  const auto says = [&](std::string_view words) { return error.message.find(words) != std::string::npos; };
  if (says("`")) return {};  // the message already names the command to go on with
  switch (error.kind) {
    case ErrorKind::kDenied:
      if (says(": 401 ")) return "The credentials of this context are not accepted: log in again, or check --context.";
      return fmt::format(
          "The role modelrun-viewer lets you see runs, modelrun-editor start and cancel them; logs need pods/log, "
          "large results configmaps. Ask whoever manages namespace {}.",
          session.namespace_);
    case ErrorKind::kNotFound:
      if (says("could not find the requested resource")) {
        return "This cluster does not know ModelRuns or ModelSweeps: install the CRDs, or check --context.";
      }
      if (says("modelsweeps"))
        return fmt::format("`{}` lists the sweeps that are there.", session.hint("get modelsweeps"));
      if (says("modelruns")) return fmt::format("`{}` lists the runs that are there.", session.hint("get"));
      return {};
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
      return "The API server may be down or out of reach: check the network and --context, then try again.";
    case ErrorKind::kThrottled:
      return "The API server is busy: try again in a few seconds.";
    default:
      return {};
  }
}

}  // namespace modelrun::cli
