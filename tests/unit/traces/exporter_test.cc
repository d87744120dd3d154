#include "traces/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "fakes/manual_clock.h"
#include "traces/otlp.h"
#include "unit/runtime/eventually.h"

namespace modelrun::traces {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// A collector in memory, which answers as a test says. Thread-safe.
class FakeCollector {
 public:
  using Answer = std::function<Result<kube::Response>(std::stop_token)>;

  // The answer to each request from now on.
  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void answer(int status, std::optional<std::chrono::seconds> retry_after = {}, const std::string& body = "{}") {
    answer([=](const std::stop_token&) { return kube::Response{status, body, retry_after}; });
  }
  Post post() {
    return [this](const std::string& body, const std::stop_token& stop) {
      Answer reply;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(body);
        reply = answer_;
      }
      return reply(stop);
    };
  }
  [[nodiscard]] std::size_t requests() const {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  // The names of the spans of a request.
  [[nodiscard]] std::vector<std::string> names(std::size_t request) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    const auto document = json::parse(requests_.at(request));
    for (const auto& span : document.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans")) {
      names.push_back(span.at("name"));
    }
    return names;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  Answer answer_ = [](const std::stop_token&) { return kube::Response{200, "{}", {}}; };
};

class ExporterTest : public ::testing::Test {
 protected:
  static Span span(const std::string& name) {
    Span made;
    made.self = {.trace_id = trace_id_of(name), .span_id = span_id_of(name, ""), .flags = 1};
    made.name = name;
    return made;
  }
  // What the metric says; 0 without a series.
  [[nodiscard]] double counted(const std::string& result) const {
    const auto text = metrics.text();
    const auto series = "modelrun_trace_spans_total{result=\"" + result + "\"} ";
    const auto found = text.find(series);
    return found == std::string::npos ? 0 : std::stod(text.substr(found + series.size()));
  }
  // Advances the clock once the exporter waits for a time.
  void pass(std::chrono::milliseconds span) {
    ASSERT_TRUE(eventually([this] { return clock.waiting() == 1; }));
    clock.advance(span);
  }

  FakeCollector collector;
  fakes::ManualSteadyClock clock;
  runtime::Metrics metrics;
  ExporterOptions options{
      .queue = 8, .batch = 3, .tries = 3, .backoff = {.initial = 1000ms, .max = 30'000ms, .jitter = 0}};
};

TEST_F(ExporterTest, SpansAreSentTogetherAfterTheInterval) {
  Exporter exporter(options, collector.post(), clock, metrics);
  exporter.record(span("a"));
  exporter.record(span("b"));
  pass(4999ms);
  EXPECT_EQ(collector.requests(), 0U);
  pass(1ms);
  ASSERT_TRUE(eventually([&] { return counted("exported") == 2; }));
  EXPECT_EQ(collector.names(0), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ExporterTest, AWholeBatchIsSentAtOnce) {
  Exporter exporter(options, collector.post(), clock, metrics);
  for (const auto* name : {"a", "b", "c", "d"}) exporter.record(span(name));
  ASSERT_TRUE(eventually([&] { return counted("exported") == 3; }));
  EXPECT_EQ(collector.names(0).size(), 3U);
  pass(5000ms);
  ASSERT_TRUE(eventually([&] { return counted("exported") == 4; }));
}

TEST_F(ExporterTest, WhatCollectorsAskToTryAgainIsTriedAgain) {
  for (const int status : {429, 502, 503, 504}) {
    FakeCollector busy;
    busy.answer(status);
    const double before = counted("exported");
    Exporter exporter(options, busy.post(), clock, metrics);
    for (const auto* name : {"a", "b", "c"}) exporter.record(span(name));
    ASSERT_TRUE(eventually([&] { return busy.requests() == 1; })) << status;
    pass(999ms);
    EXPECT_EQ(busy.requests(), 1U);
    busy.answer(200);
    pass(1ms);
    ASSERT_TRUE(eventually([&] { return counted("exported") == before + 3; })) << status;
    EXPECT_EQ(busy.names(1), busy.names(0));
  }
  EXPECT_EQ(counted("failed"), 0);
}

TEST_F(ExporterTest, NoAnswerIsTriedAgainAndGivenUpInTheEnd) {
  collector.answer([](const std::stop_token&) { return fail(ErrorKind::kUnavailable, "connection refused"); });
  Exporter exporter(options, collector.post(), clock, metrics);
  for (const auto* name : {"a", "b", "c"}) exporter.record(span(name));
  ASSERT_TRUE(eventually([&] { return collector.requests() == 1; }));
  pass(1000ms);
  ASSERT_TRUE(eventually([&] { return collector.requests() == 2; }));
  pass(2000ms);
  ASSERT_TRUE(eventually([&] { return counted("failed") == 3; }));
  EXPECT_EQ(collector.requests(), 3U);
}

TEST_F(ExporterTest, ARefusalIsNotTriedAgain) {
  collector.answer(400);
  Exporter exporter(options, collector.post(), clock, metrics);
  for (const auto* name : {"a", "b", "c"}) exporter.record(span(name));
  ASSERT_TRUE(eventually([&] { return counted("failed") == 3; }));
  EXPECT_EQ(collector.requests(), 1U);
}

TEST_F(ExporterTest, RetryAfterCountsUpToABound) {
  collector.answer(503, 7s);
  Exporter exporter(options, collector.post(), clock, metrics);
  for (const auto* name : {"a", "b", "c"}) exporter.record(span(name));
  ASSERT_TRUE(eventually([&] { return collector.requests() == 1; }));
  pass(6999ms);
  EXPECT_EQ(collector.requests(), 1U);
  collector.answer(503, std::chrono::hours(24 * 365));
  pass(1ms);
  ASSERT_TRUE(eventually([&] { return collector.requests() == 2; }));
  collector.answer(200);
  pass(299'999ms);
  EXPECT_EQ(collector.requests(), 2U);
  pass(1ms);
  ASSERT_TRUE(eventually([&] { return counted("exported") == 3; }));
}

TEST_F(ExporterTest, RejectedSpansCountAsFailed) {
  collector.answer(200, {}, R"({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}})");
  Exporter exporter(options, collector.post(), clock, metrics);
  for (const auto* name : {"a", "b", "c"}) exporter.record(span(name));
  ASSERT_TRUE(eventually([&] { return counted("failed") == 2; }));
  EXPECT_EQ(counted("exported"), 1);
}

TEST_F(ExporterTest, ACollectorThatHangsDelaysNobodyAndHoldsABoundedNumber) {
  std::stop_source released;
  collector.answer([&](std::stop_token stop) -> Result<kube::Response> {
    eventually([&] { return released.stop_requested() || stop.stop_requested(); });
    return kube::Response{200, "{}", {}};
  });
  Exporter exporter(options, collector.post(), clock, metrics);
  for (int i = 0; i < 3; ++i) exporter.record(span("first"));
  ASSERT_TRUE(eventually([&] { return collector.requests() == 1; }));
  // Eight are held, three of them in the request under way.
  for (int i = 0; i < 100; ++i) exporter.record(span("more"));
  EXPECT_EQ(counted("dropped"), 95);
  released.request_stop();
  ASSERT_TRUE(eventually([&] { return counted("exported") == 6; }));
  pass(5000ms);
  ASSERT_TRUE(eventually([&] { return counted("exported") == 8; }));
}

TEST_F(ExporterTest, ASpanThatIsTooLargeIsDropped) {
  Exporter exporter(options, collector.post(), clock, metrics);
  auto large = span("a");
  for (int i = 0; i < 32; ++i) large.attributes.push_back({"k", std::string(kMaxAttributeBytes, '"')});
  exporter.record(large);
  EXPECT_EQ(counted("dropped"), 1);
}

TEST_F(ExporterTest, StoppingSendsWhatIsHeld) {
  Exporter exporter(options, collector.post(), clock, metrics);
  for (const auto* name : {"a", "b", "c", "d"}) exporter.record(span(name));
  exporter.stop(60s);
  EXPECT_EQ(counted("exported"), 4);
  exporter.record(span("late"));
  EXPECT_EQ(counted("dropped"), 1);
}

TEST_F(ExporterTest, StoppingWaitsForNoRetryAndForNoCollectorThatHangs) {
  collector.answer(503);
  Exporter retrying(options, collector.post(), clock, metrics);
  retrying.record(span("a"));
  retrying.stop(60s);  // the manual clock stands still: a wait for the second try would last for ever
  EXPECT_EQ(counted("failed"), 1);

  collector.answer([&](std::stop_token stop) -> Result<kube::Response> {
    eventually([&] { return stop.stop_requested(); });
    return fail(ErrorKind::kCancelled, "stopped");
  });
  Exporter hanging(options, collector.post(), clock, metrics);
  for (int i = 0; i < 5; ++i) hanging.record(span("b"));
  ASSERT_TRUE(eventually([&] { return collector.requests() == 2; })) << "three of them, and then it hangs";
  hanging.stop(50ms);
  EXPECT_EQ(counted("failed"), 4);
  EXPECT_EQ(counted("dropped"), 2);
}

TEST_F(ExporterTest, SamplesByItsRatio) {
  options.sample_ratio = 0;
  const Exporter none(options, collector.post(), clock, metrics);
  EXPECT_FALSE(none.samples(trace_id_of("a")));
  options.sample_ratio = 1;
  const Exporter all(options, collector.post(), clock, metrics);
  EXPECT_TRUE(all.samples(trace_id_of("a")));
}

}  // namespace
}  // namespace modelrun::traces
