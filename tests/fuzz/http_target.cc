// Request targets of both servers, and the names in them.
#include "fuzz/fuzz.h"

#include "base/dns_label.h"
#include "gateway/http/http.h"
#include "gateway/runs/names.h"
#include "runserver/route.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  const auto text = fuzz::text_of(data, size);
  const auto no_control = [](std::string_view part) {
    for (const unsigned char c : part) {
      if (c < 0x20 || c == 0x7f) return false;
    }
    return true;
  };
  if (const auto target = gateway::parse_target(text)) {
    fuzz::expect(target->path.starts_with('/') && no_control(target->path), "a path is plain");
    std::size_t bytes = target->path.size();
    for (const auto& [name, value] : target->query) {
      fuzz::expect(no_control(name) && no_control(value), "a query is plain");
      bytes += name.size() + value.size();
    }
    fuzz::expect(bytes <= size, "decoding does not lengthen");
  }
  if (const auto route = runserver::parse_route(text)) {
    const auto& at = route->attempt;
    fuzz::expect(is_dns_label(at.namespace_), "a namespace is a label");
    fuzz::expect(!at.run.empty() && at.run.size() <= 253 && at.run.find('/') == std::string::npos, "a run is a name");
    fuzz::expect(at.attempt >= 1 && at.attempt <= 1'000'000, "an attempt is a number");
    constexpr std::string_view kActions[] = {"source", "control", "result"};
    const auto again = fmt::format("/v1/attempts/{}/{}/{}/{}/{}", at.namespace_, at.run, at.uid, at.attempt,
                                   kActions[static_cast<int>(route->action)]);
    fuzz::expect(again == text, "a route has one spelling");
  }
  if (const auto project = gateway::parse_project(text, "team")) {
    const auto shown = gateway::display_project(project->namespace_, project->name, "team");
    const auto again = gateway::parse_project(shown, "team");
    fuzz::expect(again && again->namespace_ == project->namespace_ && again->name == project->name,
                 "parse_project(display_project(x)) == x");
  }
  if (const auto digits = gateway::run_id_digits(text)) {
    fuzz::expect(digits->size() >= 8 && digits->size() <= 32, "a run's id has 8 to 32 digits");
    const auto again = gateway::run_id_digits(*digits);
    fuzz::expect(again && *again == *digits, "the digits of a run's id are a fixed point");
  }
  return 0;
}
