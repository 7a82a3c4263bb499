#include <noetl/events/outbox.hpp>

using namespace noetl;

struct letter_box {
#ifdef NOETL_REJECT
   void publish(std::string subject, std::string_view payload);
#else
   void publish(std::string subject, std::string_view payload, std::string id, std::function<void(result<void>)> done);
#endif
};
std::size_t size = sizeof(outbox_relay<letter_box>);
