#include "base/log.h"
#include "gateway/flags.h"
#include "gateway/gateway.h"
#include "runtime/run_until_signal.h"

int main(int argc, char** argv) {
  using namespace modelrun;
  auto parsed = gateway::parse_flags(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  auto flags = std::get<gateway::Flags>(std::move(parsed));
  log::configure(flags.log_format, flags.log_level);

  runtime::block_end_signals();
  auto instance = gateway::Gateway::make(std::move(flags));
  if (!instance) {
    log::error("cannot start", {{"error", instance.error().message}});
    return 1;
  }
  return runtime::run_until_signal([&](const std::stop_token& stop) { return (*instance)->run(stop); });
}
