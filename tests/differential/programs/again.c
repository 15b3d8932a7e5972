// What the program of the cases says of itself when a case has executed it again.
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cases.h"

extern char** environ;

int run_as(int argc, char** argv) {
  if (strcmp(argv[0], "report") == 0) {
    for (int i = 1; i < argc; ++i) {
      printf("[%s]", argv[i]);
    }
    printf(" env");
    for (char** word = environ; *word != NULL; ++word) {
      printf(" [%s]", *word);
    }
    printf("\n");
  } else if (strcmp(argv[0], "fds") == 0) {
    for (int fd = 3; fd < 64; ++fd) {
      if (fcntl(fd, F_GETFD) >= 0) {
        printf("fd %d\n", fd);
      }
    }
  } else if (strcmp(argv[0], "state") == 0) {
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    struct sigaction usr1, usr2;
    sigaction(SIGUSR1, NULL, &usr1);
    sigaction(SIGUSR2, NULL, &usr2);
    mode_t mode = umask(0);
    char name[20] = "", text[4096] = "";
    prctl(PR_GET_NAME, name);
    printf("blocked %d ignored %d handled %d umask %o name %s nice %d dumpable %d\n",
           sigismember(&mask, SIGUSR2), usr1.sa_handler == SIG_IGN, usr2.sa_handler != SIG_DFL,
           mode, name, getpriority(PRIO_PROCESS, 0), prctl(PR_GET_DUMPABLE));
    printf("cwd %s\n", getcwd(text, sizeof text) != NULL && strrchr(text, '/') != NULL
                           ? strrchr(text, '/')
                           : "none");
  } else if (strcmp(argv[0], "names") == 0) {
    char text[4096] = "", name[20] = "";
    ssize_t length = readlink("/proc/self/exe", text, sizeof text - 1);
    const char* base = strrchr(text, '/');
    prctl(PR_GET_NAME, name);
    const char* given = (const char*)getauxval(AT_EXECFN);
    const char* given_base = given != NULL ? strrchr(given, '/') : NULL;
    printf("exe %s comm %s execfn %s\n", length < 0 || base == NULL ? "none" : base, name,
           given_base != NULL ? given_base : "none");
  } else if (strcmp(argv[0], "exit") == 0) {
    return atoi(argv[1]);
  } else if (strcmp(argv[0], "pause") == 0) {
    pause();
  }
  fflush(stdout);
  return 0;
}
