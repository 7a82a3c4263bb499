// examples/server/application.hpp: everything but the listener, without saying what it is made of, so that the listener
// is not compiled again when a part changes.
#pragma once

#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>

#include <noetl/control_plane/settings.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/router.hpp>

namespace server {

class parts;

/// Construction waits for nothing. See `parts`.
class application {
public:
   application(boost::asio::io_context& io, noetl::control_plane::configuration const& config);
   ~application();
   application(application const&) = delete;
   application& operator=(application const&) = delete;

   /// Called once, before start().
   [[nodiscard]] noetl::http::router routes();
   [[nodiscard]] noetl::http::metrics& metrics();
   void start();
   void stop();
   [[nodiscard]] std::optional<noetl::error> failure() const;

private:
   std::unique_ptr<parts> parts_;
};

} // namespace server
