#pragma once

// setns(2) for network namespaces: Swift's Glibc module leaves it out.
extern int setns(int descriptor, int type);

static inline int enter_network_namespace(int descriptor) {
    return setns(descriptor, 0x40000000 /* CLONE_NEWNET, <linux/sched.h> */);
}
