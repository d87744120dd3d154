// modelrun-source: runs git for the operator, apart from it. See server.h.
#include <CLI/CLI.hpp>

#include "base/log.h"
#include "source/git/server.h"

int main(int argc, char** argv) {
  using namespace modelrun;
  source::ServerOptions options;
  std::uint64_t memory = options.memory_bytes >> 20U;
  auto seconds = options.max_request_time.count();
  std::uint64_t scratch = options.scratch_bytes >> 20U;
  CLI::App app("Fetches sources from git for modelrun-operator. What a git server sends is read by this program only.",
               "modelrun-source");
  app.set_version_flag("--version", MODELRUN_VERSION);
  app.add_option("--socket", options.socket, "the Unix socket at which the operator asks")->required();
  app.add_option("--scratch", options.scratch, "directory for work in progress; it is emptied first")->required();
  app.add_option("--memory-mebibytes", memory, "what all requests may use together")->capture_default_str();
  app.add_option("--scratch-mebibytes", scratch, "what all requests may write together")->capture_default_str();
  app.add_option("--max-requests", options.max_requests, "how many are worked on at the same time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-request-seconds", seconds, "after which a request is ended")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.memory_bytes = memory << 20U;
  options.scratch_bytes = scratch << 20U;
  options.max_request_time = std::chrono::seconds(seconds);
  log::configure(log::Format::kJson, log::Level::kInfo);
  source::block_server_signals();
  if (const auto served = source::serve(options); !served) {
    log::error("cannot serve", {{"error", served.error().message}});
    return 1;
  }
  return 0;
}
