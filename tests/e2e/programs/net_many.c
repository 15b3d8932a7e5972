// Many connections at once, as event loops make them: net_many COUNT ADDRESS/PORT. Each socket is
// known to epoll, edge triggered for everything, before it connects; each sends its number and waits
// for it to come back. Says how many got it back and how many of them saw an event first.

#include "net.h"

#include <sys/epoll.h>

enum { kPatience = 30000, kEvents = 64 };

typedef struct {
  int fd;
  bool sent, done;
} Connection;

static void advance(Connection *one, uint32_t events, int *done) {
  uint32_t number = (uint32_t)one->fd, answer = 0;
  if (!one->sent && events & EPOLLOUT && !(events & EPOLLHUP)) {
    one->sent = send(one->fd, &number, sizeof number, MSG_NOSIGNAL) == sizeof number;
  }
  if (one->sent && !one->done && recv(one->fd, &answer, sizeof answer, 0) == sizeof answer) {
    one->done = answer == number;
    *done += one->done;
  }
}

int main(int count, char **words) {
  if (count != 3) return 99;
  int wanted = atoi(words[1]), done = 0, started = 0;
  Peer peer = peer_of(words[2]);
  Connection *all = calloc((size_t)wanted, sizeof *all);
  struct epoll_event events[kEvents];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < wanted; ++i) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET,
                                .data.ptr = &all[i]};
    all[i].fd = socket(family_of(&peer), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (all[i].fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event) < 0) give_up("socket");
    int result = connect(all[i].fd, &peer.any, peer.size);
    started += result == 0 || errno == EINPROGRESS;
  }
  while (done < wanted) {
    int seen = epoll_wait(epoll, events, kEvents, kPatience);
    if (seen <= 0) break;
    for (int i = 0; i < seen; ++i) advance(events[i].data.ptr, events[i].events, &done);
  }
  printf("%d started, %d answered\n", started, done);
  return done == wanted ? 0 : 1;
}
