#pragma once

// setns(2) for network namespaces, and pipe2(2): Swift's Glibc module leaves them out.
extern int setns(int descriptor, int type);
extern int pipe2(int descriptors[2], int flags);

static inline int enter_network_namespace(int descriptor) {
    return setns(descriptor, 0x40000000 /* CLONE_NEWNET, <linux/sched.h> */);
}
