// What the programs that knock at the network share.

#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CANARY "CANARY"
#define CANARY_SIZE (sizeof CANARY - 1)

typedef struct {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  };
  socklen_t size;
} Peer;

static inline void give_up(const char *what) {
  perror(what);
  exit(99);
}

// ADDRESS/PORT, of either family.
static inline Peer peer_of(const char *text) {
  char copy[256];
  snprintf(copy, sizeof copy, "%s", text);
  char *slash = strchr(copy, '/');
  if (slash == NULL) {
    fprintf(stderr, "no ADDRESS/PORT: %s\n", text);
    exit(99);
  }
  *slash = '\0';
  Peer peer = {.size = sizeof peer.v4};
  if (inet_pton(AF_INET, copy, &peer.v4.sin_addr) == 1) {
    peer.v4.sin_family = AF_INET;
    peer.v4.sin_port = htons((uint16_t)atoi(slash + 1));
    return peer;
  }
  peer = (Peer){.size = sizeof peer.v6};
  if (inet_pton(AF_INET6, copy, &peer.v6.sin6_addr) != 1) {
    fprintf(stderr, "no address: %s\n", copy);
    exit(99);
  }
  peer.v6.sin6_family = AF_INET6;
  peer.v6.sin6_port = htons((uint16_t)atoi(slash + 1));
  return peer;
}

static inline int family_of(const Peer *peer) { return peer->any.sa_family; }

// A socket that does not wait for ever.
static inline int made(int family, int type, int protocol) {
  int fd = socket(family, type | SOCK_CLOEXEC, protocol);
  struct timeval patience = {.tv_sec = 5};
  if (fd >= 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  return fd;
}

static inline int say_canary(int fd) {
  return send(fd, CANARY, CANARY_SIZE, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static inline int forget_peer(int fd) {
  struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
  return connect(fd, &unspecified, sizeof unspecified);
}

// "ok", or the name of errno.
static inline const char *result_of(int result) {
  return result < 0 ? strerrorname_np(errno) : "ok";
}

// What a way is about: its peers, of which the second one stands for the first where none is given.
typedef struct {
  Peer first, second;
} Peers;

typedef struct {
  const char *name;
  int (*act)(const Peers *);
} Way;

// Goes a way "HOW=ADDRESS/PORT[,ADDRESS/PORT]" and says "HOW=...<tab>result".
static inline void go(const Way *ways, size_t count, const char *word) {
  char copy[512];
  snprintf(copy, sizeof copy, "%s", word);
  char *how = strtok(copy, "=");
  char *first = strtok(NULL, ",");
  char *second = strtok(NULL, ",");
  Peers peers = {.first = peer_of(first != NULL ? first : "127.0.0.1/9")};
  peers.second = second != NULL ? peer_of(second) : peers.first;
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(ways[i].name, how) == 0) {
      errno = 0;
      const char *result = result_of(ways[i].act(&peers));
      printf("%s\t%s\n", word, result);
      return;
    }
  }
  fprintf(stderr, "no such way: %s\n", how);
  exit(99);
}

static inline int go_all(const Way *ways, size_t known, int count, char **words) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 1; i < count; ++i) go(ways, known, words[i]);
  return 0;
}
