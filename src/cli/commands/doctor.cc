#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "cli/commands/commands.h"
#include "cli/doctor/check.h"
#include "cli/object_watch.h"

namespace modelrun::cli {
namespace {

struct DoctorFlags {
  doctor::Options options;
  std::optional<std::int64_t> timeout;
  std::string output = "text";
};

constexpr std::string_view kDoctorExamples = R"(  kubectl modelrun doctor
  # also a pod with the labels of a run's pod, in this namespace, which tries the network and is removed again
  kubectl modelrun doctor -n forecasts --run
  # for scripts and reports
  kubectl modelrun doctor -o json | jq -r '.checks[] | select(.verdict == "fail") | .problems[].message'

Nothing is changed without --run. What you may not read is a warning that names the right. The namespace (-n) is the
one whose rights, policy and probe are looked at.

Exit code: 0 when no check has failed (there may be warnings), 1 when one has, 2 for a wrong command line.
)";

Result<int> execute_doctor(Session& session, const DoctorFlags& flags) {
  auto options = flags.options;
  if (flags.timeout) options.timeout = std::chrono::seconds{*flags.timeout};
  const Deadline deadline(session.stop, options.timeout);
  doctor::Installation installation(session, options, deadline.token());
  const bool text = flags.output == "text";
  const auto outcomes = doctor::examine(installation, doctor::all_checks(),
                                        fmt::format("the {} s of --timeout are over", options.timeout.count()),
                                        [&](const doctor::Outcome& outcome) {
                                          if (text && !session.stop.stop_requested())
                                            session.console.out(doctor::outcome_text(outcome));
                                        });
  if (session.stop.stop_requested()) return fail(ErrorKind::kCancelled, "Stopped before all checks were made.");
  session.console.out(text ? "\n" + doctor::summary_text(outcomes)
                           : api::json_text(doctor::report_json(outcomes), 2) + '\n');
  return doctor::exit_code_of(outcomes);
}

}  // namespace

void add_doctor(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<DoctorFlags>();
  auto* command = app.add_subcommand("doctor", "Check the installation, and say what to do about what is wrong");
  command->add_option("--system-namespace", flags->options.system_namespace, "where operator and gateway are installed")
      ->capture_default_str();
  command->add_flag("--run", flags->options.probe,
                    "also make a pod in this namespace that tries the network as a run's pod could, and remove it");
  add_span(*command, "--timeout", flags->timeout, "the longest time for all checks together (90s, 2m); 90s");
  command->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(footer(kDoctorExamples));
  command->callback(
      [flags, &chosen] { chosen = [flags](Session& session) { return execute_doctor(session, *flags); }; });
}

}  // namespace modelrun::cli
