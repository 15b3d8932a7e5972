// swapper A B: swaps two names until it is killed, with a short rest after each swap, so that a
// lookup meets either state. Runs outside, where nothing slows it down.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  for (unsigned long i = 0;; ++i) {
    if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0) {
      perror("renameat2");
      return 1;
    }
    for (volatile unsigned long wait = 0; wait < (i * 7919) % 4000; ++wait) {
    }
  }
}
