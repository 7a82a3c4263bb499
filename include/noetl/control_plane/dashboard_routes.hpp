// control_plane/dashboard_routes.hpp: /api/dashboard. Mount with dashboard.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <noetl/control_plane/dashboard.hpp>
#include <noetl/http/route.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl::control_plane {

struct stats_answer {
   std::string status = "ok";
   dashboard_stats stats;
};

/// What a page shows in one box, and how.
struct widget {
   std::string id;
   std::string type;
   std::string title;
   raw_json config;
   raw_json data; ///< array of day_count, or of recent_execution
};

struct widgets_answer {
   std::vector<widget> widgets;
};

inline awaitable<result<stats_answer>> show_dashboard_stats(dashboard& figures) {
   auto stats = co_await figures.stats();
   if (!stats) co_return std::move(stats).error();
   stats_answer answer;
   answer.stats = *stats;
   co_return answer;
}

inline awaitable<result<widgets_answer>> show_dashboard_widgets(dashboard& figures) {
   auto trend = co_await figures.trend();
   if (!trend) co_return std::move(trend).error();
   auto recent = co_await figures.recent();
   if (!recent) co_return std::move(recent).error();
   widgets_answer answer;
   answer.widgets.push_back({"execution-trend", "chart", "Executions by day",
                             raw_json(R"({"chart_type":"line","time_range":"7d"})"), raw_json(to_json(*trend))});
   answer.widgets.push_back({"recent-executions", "table", "Recent executions",
                             raw_json(R"({"columns":["execution_id","path","status"]})"), raw_json(to_json(*recent))});
   co_return answer;
}

inline constexpr auto dashboard_routes =
    http::under<"/api/dashboard">(
        http::get<"/stats", show_dashboard_stats>.summary("Numbers of executions, playbooks and workers"),
        http::get<"/widgets", show_dashboard_widgets>.summary("Executions by day, and the newest ones"))
        .tag("dashboard");

} // namespace noetl::control_plane
