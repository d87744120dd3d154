// The tools against an API server in memory, with rights that a test deals out.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"
#include "gateway/runs/kube_run_service.h"
#include "gateway/runs/kube_sweep_service.h"
#include "gateway/tools/tools.h"

namespace modelrun::gateway {

// Thread-safe. Yes to "verb namespace" and "verb *" for everybody; all verbs in namespace ns to begin with.
class FakeAccess final : public Access {
 public:
  Result<bool> allowed(const Identity&, const ResourceAttributes& action, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    ++asked;
    if (away) return fail(ErrorKind::kUnavailable, "no connection");
    return rights_.contains(fmt::format("{} {}", action.verb, action.namespace_));
  }
  std::optional<bool> remembered(const Identity&, const ResourceAttributes& action) override {
    const std::lock_guard lock(mutex_);
    if (away) return std::nullopt;
    return rights_.contains(fmt::format("{} {}", action.verb, action.namespace_));
  }
  void grant(const std::string& right) {
    const std::lock_guard lock(mutex_);
    rights_.insert(right);
  }
  std::atomic<int> asked = 0;
  std::atomic<bool> away = false;  // then there is no answer

  void revoke(const std::string& right) {
    const std::lock_guard lock(mutex_);
    rights_.erase(right);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> rights_{"get ns", "list ns", "create ns", "patch ns"};
};

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    server.put(kube::kModelProjects, {{"metadata", {{"namespace", "ns"}, {"name", "forecasts"}}}, {"spec", {}}});
    fill(cache);
    fill(sweep_cache);
  }

  // As when the watch has brought what there is: nothing but what was noted.
  template <class Cache>
  static void fill(Cache& cache) {
    cache.sink().replace_begin();
    cache.sink().replace_done(0);
  }

  // A run as it stands in the API server, which the watch has brought too.
  std::string put_run(const std::string& name, nlohmann::json status, const std::string& uid = {},
                      const std::string& namespace_ = "ns",
                      nlohmann::json spec = {{"project", "forecasts"}, {"scope", "project"}}) {
    nlohmann::json object{{"metadata", {{"namespace", namespace_}, {"name", name}}},
                          {"spec", std::move(spec)},
                          {"status", std::move(status)}};
    if (!uid.empty()) object["metadata"]["uid"] = uid;
    const auto stored = server.put(kube::kModelRuns, object);
    cache.note(api::decode_model_run(stored));
    return stored["metadata"]["uid"];
  }

  // The operator's part: writes the status of the only run.
  void set_status(nlohmann::json status) {
    auto object = server.all(kube::kModelRuns).front();
    object["status"] = std::move(status);
    cache.note(api::decode_model_run(server.put(kube::kModelRuns, object)));
  }

  Call call() {
    return {
        .caller = caller, .runs = runs, .sweeps = sweeps, .times = times, .on_tick = on_tick, .stop = stop.get_token()};
  }
  Result<nlohmann::json> use(const std::string& tool, const nlohmann::json& arguments) {
    return use(tool, arguments, call());
  }
  // Waits for the answer.
  static Result<nlohmann::json> use(const std::string& tool, const nlohmann::json& arguments, const Call& call) {
    const auto read = read_arguments(*find_tool(tool), arguments);
    RETURN_IF_ERROR(read);
    std::promise<Result<nlohmann::json>> answer;
    find_tool(tool)->call(*read, std::make_shared<const Call>(call),
                          [&answer](Result<nlohmann::json> fields) { answer.set_value(std::move(fields)); });
    auto future = answer.get_future();
    if (future.wait_for(std::chrono::seconds(30)) != std::future_status::ready) throw std::runtime_error("no answer");
    return future.get();
  }

  static nlohmann::json success() {
    return {{"phase", "Succeeded"},
            {"runNumber", 7},
            {"branch", "main"},
            {"commitSHA", "abc1234def5678901234567890abcdef12345678"},
            {"exitCode", 0},
            {"startedAt", "2026-04-28T10:00:00.000000Z"},
            {"finishedAt", "2026-04-28T10:00:01.420000Z"},
            {"stdout", "Run completed in 1.42s\n"},
            {"outputs", {{"revenue", {100, 110, 121}}}}};
  }

  fakes::ManualClock clock;
  fakes::FakeApiServer server{clock};
  kube::Client client{server};
  RunCache cache;
  FakeAccess access;
  KubeRunService runs{client, cache, access};
  SweepCache sweep_cache;
  KubeSweepService sweeps{client, sweep_cache, access};
  Identity caller{.user = "ana", .uid = {}, .groups = {}, .namespace_ = "ns", .expires = {}};
  CallTimes times{.heartbeat = std::chrono::milliseconds(20), .pin_timeout = std::chrono::seconds(5)};
  std::function<void(const RunSummary&)> on_tick;
  std::stop_source stop;
};

}  // namespace modelrun::gateway
