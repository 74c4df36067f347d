/* A small fuzzer for gcc, which has no libFuzzer: COUNT or SECONDS of mutated inputs, from seeds and from what reached new code.
 *
 *	engine TARGET COUNT SECONDS SEED CRASH FILE...
 *
 * Tries the files, then COUNT inputs, or with SECONDS as many as that takes. Prints how many files the parser accepts, how many
 * inputs were tried, and how many edges of the code were reached. The same COUNT and SEED try the same inputs. The input that broke
 * something is in the file CRASH. */
#define _GNU_SOURCE
#include "targets.h"

#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LARGEST 8192
#define MOST 8192 /* inputs that are kept */
#define EDGES 65536
#define HANG_SECONDS 1 /* of the processor's time */

static struct {
	unsigned char bytes[LARGEST];
	size_t size;
} input;
static struct span corpus[MOST];
static size_t corpus_size, edge_count;
static volatile unsigned long tried;
static unsigned char edges[EDGES];
static uintptr_t last_place;
static volatile bool is_recording;
static bool is_new;
static const struct target *target;
static const char *crash_path;
static uint64_t state;

int main(int count, char **words);

/* gcc calls it at each branch of the instrumented code. */
void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	if (!is_recording)
		return;
	uintptr_t place = (uintptr_t)__builtin_return_address(0) - (uintptr_t)main;
	uintptr_t edge = (place ^ last_place >> 1) * 0x9e3779b1u >> 8 & (EDGES - 1);
	last_place = place;
	if (!edges[edge]) {
		edges[edge] = 1;
		edge_count++;
		is_new = true;
	}
}

static void save_crash(void)
{
	int file = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	(void)!write(file, input.bytes, input.size);
	close(file);
}

static void on_abort(int number)
{
	save_crash();
	signal(number, SIG_DFL);
	raise(number);
}

/* At intervals: one input takes microseconds. */
static void on_alarm(int number)
{
	static unsigned long before = -1ul;
	(void)number;
	if (tried == before && is_recording)
		abort();
	before = tried;
}

/* splitmix64 */
static uint64_t any(uint64_t below)
{
	uint64_t mixed = state += 0x9e3779b97f4a7c15;
	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return (mixed ^ mixed >> 31) % below;
}

static void keep(void)
{
	unsigned char *copy = malloc(input.size + 1);
	if (!copy)
		exit(2);
	memcpy(copy, input.bytes, input.size);
	corpus[corpus_size < MOST ? corpus_size++ : any(MOST)] = (struct span){copy, input.size};
}

/* In a block of exactly its size, so that a byte beyond it is out of bounds. */
static bool try_input(void)
{
	unsigned char *copy = malloc(input.size);
	if (!copy && input.size)
		exit(2);
	memcpy(copy, input.bytes, input.size);
	last_place = 0;
	is_new = false;
	is_recording = true;
	bool accepted = target->try_one((struct span){copy, input.size});
	is_recording = false;
	free(copy);
	tried++;
	if (is_new)
		keep();
	return accepted;
}

static void take_out(size_t at, size_t size)
{
	memmove(input.bytes + at, input.bytes + at + size, input.size - at - size);
	input.size -= size;
}

static void put_in(size_t at, const void *bytes, size_t size)
{
	unsigned char copy[LARGEST];
	if (input.size + size > LARGEST)
		return;
	memcpy(copy, bytes, size);
	memmove(input.bytes + at + size, input.bytes + at, input.size - at);
	memcpy(input.bytes + at, copy, size);
	input.size += size;
}

/* A length of a frame or a field, and the same off by a little or a lot. */
static void change_length(size_t at)
{
	static const uint32_t lengths[] = {0, 1, 4, 5, 0x7fffffff, 0x80000000, 0xffffffff, 16u << 20, (16u << 20) + 1};
	uint32_t length;
	if (input.size < at + sizeof length)
		return;
	memcpy(&length, input.bytes + at, sizeof length);
	length = any(2) ? length + (uint32_t)any(9) - 4 : lengths[any(sizeof lengths / sizeof *lengths)];
	memcpy(input.bytes + at, &length, sizeof length);
}

static void put_in_word(size_t at)
{
	static const char *const words[] = {
		"\"", "\\", "{", "}", "[", "]", ",", ":", "\\u", "\\u0000", "\\ud83d\\udd0c", "\\ud800", "null", "true", "1e9", "-0",
		"\"cniVersion\":\"1.0.0\"", "\"runtimeConfig\":{", "\"io.kubernetes.cri.pod-annotations\":{", "k8s.v1.cni.cncf.io/networks",
		"K8S_POD_NAME=", ";", "=", "\n", "CNI_PATH=", "CNI_ARGS=", "LD_PRELOAD=x", "../", "netattach", "not found", "exited",
		"timeout", "\"code\":7", "\"msg\":\"", "\"details\":\"", "\xc3\xa9", "\xed\xa0\x80", "\xf4\x90\x80\x80", "999999999999999999"};
	const char *word = words[any(sizeof words / sizeof *words)];
	put_in(at, word, strlen(word));
}

/* A part of another input. */
static void put_in_part(size_t at)
{
	struct span other = corpus[any(corpus_size)];
	size_t from = any(other.size + 1);
	put_in(at, other.bytes + from, any(other.size - from + 1));
}

static void mutate(void)
{
	size_t at = any(input.size + 1), rest = input.size - at;
	unsigned char byte = (unsigned char)any(256);
	switch (any(9)) {
	case 0: take_out(at, rest ? any(rest < 16 ? rest : 16) + 1 : 0); break;
	case 1: put_in(at, &byte, 1); break;
	case 2: put_in_word(at); break;
	case 3: put_in_part(at); break;
	case 4: put_in(at, input.bytes + at, any(rest + 1)); break;
	case 5: change_length(at); break;
	case 6: input.size = at; break;
	default:
		if (rest)
			input.bytes[at] = any(2) ? byte : input.bytes[at] ^ (unsigned char)(1u << any(8));
	}
}

static void make_input(void)
{
	struct span from = corpus[any(corpus_size)];
	memcpy(input.bytes, from.bytes, from.size);
	input.size = from.size;
	for (uint64_t more = any(4) + 1; more; more--)
		mutate();
}

static void read_input(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = file < 0 ? -1 : read(file, input.bytes, LARGEST);
	if (got < 0 || got == LARGEST) {
		perror(path);
		exit(2);
	}
	input.size = (size_t)got;
	close(file);
}

static const struct target *find_target(const char *name)
{
	for (size_t i = 0; i < target_count; i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	fprintf(stderr, "no target %s\n", name);
	exit(2);
}

static void watch(void)
{
	struct itimerval interval = {{HANG_SECONDS, 0}, {HANG_SECONDS, 0}};
	__sanitizer_set_death_callback(save_crash);
	signal(SIGABRT, on_abort);
	signal(SIGVTALRM, on_alarm);
	setitimer(ITIMER_VIRTUAL, &interval, NULL);
}

/* What the targets print is not looked at. */
static FILE *keep_standard_output(void)
{
	FILE *report = fdopen(dup(STDOUT_FILENO), "w");
	if (!report || !freopen("/dev/null", "w", stdout))
		exit(2);
	return report;
}

int main(int count, char **words)
{
	if (count < 7)
		return 2;
	target = find_target(words[1]);
	unsigned long wanted = strtoul(words[2], NULL, 10);
	time_t seconds = atol(words[3]), end = time(NULL) + seconds;
	state = strtoull(words[4], NULL, 10);
	crash_path = words[5];
	FILE *report = keep_standard_output();
	watch();
	int accepted = 0;
	for (int i = 6; i < count; i++) {
		read_input(words[i]);
		accepted += try_input();
		if (!is_new)
			keep();
	}
	for (wanted += tried; seconds ? tried % 256 || time(NULL) < end : tried < wanted;) {
		make_input();
		try_input();
	}
	fprintf(report, "%d %lu %zu\n", accepted, tried, edge_count);
	return 0;
}
