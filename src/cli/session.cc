#include "cli/session.h"

#include "kube/files.h"

namespace modelrun::cli {

std::string Session::hint(std::string_view command) const {
  std::string text = fmt::format("kubectl modelrun {} -n {}", command, namespace_);
  if (!flags.context.empty()) text += " --context " + flags.context;
  if (!flags.kubeconfig.empty()) text += " --kubeconfig " + flags.kubeconfig;
  return text;
}

std::string run_name(std::string_view argument) {
  for (const std::string_view prefix : {"modelrun.modelrun.dev/", "modelrun/", "modelruns/", "mr/"}) {
    if (argument.starts_with(prefix)) return std::string(argument.substr(prefix.size()));
  }
  return std::string(argument);
}

Result<kube::Json> get_run(Session& session, const std::string& name) {
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
        return "This cluster does not know ModelRuns: install the CRDs, or check --context.";
      }
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
