// Many connections at once by Boost.Asio: asio_many COUNT ADDRESS PORT. Each sends its number and
// waits for it to come back; says how many got it.

#include <array>
#include <boost/asio.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>

namespace asio = boost::asio;
using asio::ip::tcp;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& context, int number, int& answered)
      : socket_(context), number_(number), answered_(answered) {}

  void Start(const tcp::endpoint& peer) {
    socket_.async_connect(peer, [self = shared_from_this()](boost::system::error_code error) {
      if (!error) self->Send();
    });
  }

 private:
  void Send() {
    asio::async_write(socket_, asio::buffer(&number_, sizeof number_),
                      [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                        if (!error) self->Receive();
                      });
  }

  void Receive() {
    asio::async_read(socket_, asio::buffer(&answer_, sizeof answer_),
                     [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                       self->answered_ += !error && self->answer_ == self->number_;
                     });
  }

  tcp::socket socket_;
  int number_;
  int answer_ = 0;
  int& answered_;
};

int main(int count, char** words) {
  if (count != 4) return 99;
  asio::io_context context;
  tcp::endpoint peer(asio::ip::make_address(words[2]),
                     static_cast<unsigned short>(std::atoi(words[3])));
  int answered = 0;
  for (int number = 0; number < std::atoi(words[1]); ++number) {
    std::make_shared<Connection>(context, number, answered)->Start(peer);
  }
  context.run_for(std::chrono::seconds(60));
  std::cout << answered << " answered\n";
  return answered == std::atoi(words[1]) ? 0 : 1;
}
