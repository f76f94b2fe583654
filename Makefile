# mote: two commands, `make run` and `make test`; `make help` lists the rest.
# What is built from what stands here as lists: a file that is not in one is not built.

ARCH   := x86_64
BUILD  := build
IMAGE  := $(BUILD)/$(ARCH)/mote.elf
CC     := gcc
PYTHON := /usr/bin/python3
Q      := $(if $(V),,@)
comma  := ,

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# --- sources ---------------------------------------------------------------------

# What every guest does, what one does that dials its host, what one does with its TPM, and
# what it answers of that as VComLink does.
PROTO_SERVE := text.c out.c utf8.c json_check.c json_read.c line.c stereos.c mote.c
PROTO_DIAL  := mote_job.c base64.c protobuf.c http.c hostos.c vcom.c tpm_public.c bandsox.c \
               bandsox_serial.c
PROTO_TPM   := tpm2_write.c tpm2_command.c tpm2_template.c tpm2_answer.c tpm2_selection.c \
               tpm2_parse.c tpm2_rc.c mote_tpm.c
PROTO_VCOM  := http_parts.c http_request.c http_answer.c vcom_serve.c
AGENT_SERVE := main.c session.c dispatch.c lifecycle.c health.c config.c secret.c ssh_key.c mount.c \
               path.c power.c capabilities.c notify.c number.c
AGENT_DIAL  := client.c hostos.c vcom.c transfer.c transfer_receive.c transfer_ends.c job.c \
               job_strings.c job_options.c job_hostos.c job_vcom.c job_transfer.c bandsox.c \
               bandsox_read.c bandsox_write.c bandsox_list.c
AGENT_TPM   := tpm.c tpm_run.c tpm_start.c tpm_keys.c tpm_flush.c tpm_steps.c tpm_recipe_info.c \
               tpm_recipe_keys.c tpm_recipe_nv.c tpm_recipe_sign.c tpm_recipe_activate.c \
               tpm_recipe_pcr.c tpm_recipe_seal.c tpm_recipe_random.c tpm_serve.c tpm_messages.c \
               tpm_secret.c measure.c seed.c
AGENT_VCOM  := vcom_server.c vcom_server_http.c vcom_server_json.c vcom_server_tpm.c
PROTO := $(PROTO_SERVE) $(PROTO_DIAL) $(PROTO_TPM) $(PROTO_VCOM)
AGENT := $(AGENT_SERVE) $(AGENT_DIAL) $(AGENT_TPM) $(AGENT_VCOM)
# Pure code: the guest's driver and the host's device both link it.
MACHINE := buffer.c vsock_machine.c vsock_ports.c vsock_input.c vsock_output.c
TPM     := tpm.c tpm_registers.c tpm_tis.c tpm_crb.c random.c
DRIVERS := $(MACHINE) virtqueue.c virtio.c virtio_mmio.c virtio_pci.c pci.c vsock_device.c \
           vsock_endpoint.c entropy.c virtio_rng.c $(TPM)
BARE  := exit.c stdio.c option.c store.c mount.c file.c date.c
X86   := start.S boot.c console.c traps.c paging.c start_info.c acpi.c acpi_virtio.c apic.c clock.c \
         entropy.c devices.c power.c serial.c

# The same agent on Linux: what the platform is, and sockets in the place of the driver.
LINUX := entry.S start.c life.c clock.c console.c stdio.c errno_text.c events.c signals.c \
         children.c options.c service.c tool.c init.c init_end.c modules.c files.c passwd.c place.c \
         store.c mount.c mount_child.c mounts.c process.c process_child.c process_user.c text_file.c \
         file.c file_resolve.c replacement.c serial.c command.c command_child.c tool_streams.c date.c
SOCKETS := kernel_entropy.c buffer.c socket_endpoint.c socket_stream.c socket_listen.c socket_way.c \
           socket_vsock.c socket_tcp.c socket_unix.c kernel_tpm.c random.c

# Its application: programs that it starts and looks after.
WORKLOADS := words.c workload_config.c workload_load.c workload_output.c workload_run.c workload_messages.c \
             workload.c

# What it is when somebody in the guest runs it.
TOOLS := tool.c tool_words.c tool_text.c tool_hostos.c tool_vsock_guest.c tool_vcom.c tool_transfer.c

# Hashes of other people, which set-up puts there; and what the TPM alone needs of them.
BEARSSL_TPM := $(addprefix $(BUILD)/bearssl/src/,mac/hmac.c rand/hmac_drbg.c \
                 symcipher/chacha20_ct.c symcipher/poly1305_ctmul.c)
BEARSSL := $(addprefix $(BUILD)/bearssl/src/,hash/md5.c hash/sha2small.c \
             codec/dec32le.c codec/dec32be.c codec/enc32le.c codec/enc32be.c) $(BEARSSL_TPM)

# In this order it lies in memory: what requests need at the front, on few pages.
LINUX_MOTE := $(PROTO_SERVE:%=proto/%) $(AGENT_SERVE:%=agent/%) $(WORKLOADS:%=agent/%) \
              $(SOCKETS:%=drivers/%) $(LINUX:%=platform/linux/%) \
              $(PROTO_DIAL:%=proto/%) $(AGENT_DIAL:%=agent/%) agent/bandsox_exec.c \
              $(TOOLS:%=agent/%) $(PROTO_TPM:%=proto/%) $(AGENT_TPM:%=agent/%) \
              $(PROTO_VCOM:%=proto/%) $(AGENT_VCOM:%=agent/%) $(BEARSSL)

GUEST := $(PROTO:%=proto/%) $(AGENT:%=agent/%) $(DRIVERS:%=drivers/%) $(BARE:%=platform/bare/%) \
         $(X86:%=platform/x86_64/%) agent/bandsox_exec_none.c $(BEARSSL)

SOURCES_vsockd  := main.c options.c vhost_user.c vhost_requests.c vhost_back.c guest_memory.c vring.c \
                   device.c hybrid.c stream.c unix_socket.c control.c command.c fault.c \
                   fault_packets.c fault_rings.c
SOURCES_motectl := main.c options.c address.c connect.c stream.c deadline.c content.c request.c \
                   answer.c output.c exchange.c verbs.c secrets.c workloads.c wait.c raw.c \
                   jobs.c verb_table.c verb_table_tpm.c tpm.c tpm_quote.c tpm_seal.c tpm_guest.c \
                   tpm_guest_pcrs.c tpm_key.c tpm_credential.c tpm_trust.c tpm_verify.c tpm_text.c
HOST_vsockd  := $(SOURCES_vsockd:%=qemu/vsockd/%) $(MACHINE:%=drivers/%)
HOST_motectl := $(SOURCES_motectl:%=qemu/motectl/%) $(PROTO:%=proto/%)
LIBS_motectl := -lcrypto

LINUX_guest := $(addprefix tests/linux/,init.c guest.c serve.c lines.c services.c)
LINUX_nest  := $(addprefix tests/linux/,init.c nest.c)

# Unit tests are one program each; what it needs of the code comes out of one archive.
UNIT := text json json_check line stereos stereos_write mote buffer virtqueue vsock_machine \
        vsock_connect vsock_credit vsock_early vsock_ports vsock_start vsock_device vsock_events \
        vsock_endpoint vsock_fuchsia vsock_hostile virtio_mmio virtio_pci \
        store dispatch session notify health words workload_config workload_output workload_load \
        workload workload_end process text_file vring command fault acpi_virtio clock \
        socket_endpoint socket_flow socket_listen socket_peers \
        bearssl file \
        base64 protobuf http http_limits \
        hostos hostos_client hostos_legacy \
        vcom vcom_client vcom_pieces tpm_public \
        bandsox_serial \
        bandsox transfer transfer_faults \
        random seed \
        http_request vcom_serve \
        tpm_tis tpm_tis_answers tpm_crb tpm_engine tpm_engine_faults tpm_keys measure tpm_recipes \
        tpm_nonsense mote_tpm
UNIT_CODE := $(PROTO:%=proto/%) $(MACHINE:%=drivers/%) \
             $(addprefix drivers/,virtqueue.c virtio.c virtio_mmio.c virtio_pci.c pci.c \
               vsock_endpoint.c random.c socket_stream.c \
               socket_listen.c socket_way.c socket_tcp.c socket_unix.c) \
             $(addprefix platform/linux/,events.c errno_text.c children.c files.c passwd.c process.c \
               process_child.c process_user.c text_file.c) \
             $(filter-out agent/main.c,$(AGENT:%=agent/%)) agent/app_none.c \
             $(filter-out agent/workload.c agent/workload_messages.c,$(WORKLOADS:%=agent/%)) \
             platform/bare/store.c platform/bare/mount.c platform/bare/file.c \
             platform/x86_64/acpi_virtio.c \
             $(addprefix qemu/vsockd/,vring.c guest_memory.c device.c command.c fault.c \
                 fault_packets.c fault_rings.c) \
             tests/unit/fake_platform.c tests/unit/fake_tpm.c $(BEARSSL)
# These stand on Linux' platform in the place of the bare one.
UNIT_LINUX := linux_secrets linux_files linux_passwd linux_mount linux_hang \
              linux_file date
UNIT_LINUX_CODE := $(addprefix platform/linux/,errno_text.c children.c files.c passwd.c place.c \
                     store.c mount.c mount_child.c mounts.c \
                     file.c replacement.c date.c) tests/unit/fake_linux.c
UNIT += $(UNIT_LINUX)

# These ask libtss2-mu, an implementation of others, what a command's bytes are.
UNIT_TSS := tpm2_command tpm2_session tpm2_template tpm2_rc
UNIT += $(UNIT_TSS) tpm2_selection tpm2_answer tpm2_parse tpm2_attest

# Those that dial have an endpoint of which they see both ends.
UNIT += client client_places job job_options tpm_messages tpm_secret
UNIT_ENDPOINT := dispatch workload client client_places job job_options tpm_messages tpm_secret
UNIT_ENDPOINT_CODE := tests/unit/fake_endpoint.c

# Those that dispatch messages, about the TPM too, have an engine that ends as it is told.
UNIT_ENGINE := session $(UNIT_ENDPOINT)
UNIT_ENGINE_CODE := tests/unit/fake_engine.c

# And one that has both ends, but another engine.
UNIT_VCOM := vcom_server vcom_server_http vcom_server_stream
UNIT += $(UNIT_VCOM)
UNIT_ENDPOINT += $(UNIT_VCOM)

# Those of the other endpoint have it, and a vsock that does what they say, in its place.
UNIT_SOCKETS := $(filter socket_%,$(UNIT))
UNIT_SOCKETS_CODE := drivers/socket_endpoint.c tests/unit/fake_vsock.c

# Those of a TPM's drivers have these in the place of one that answers as it is told.
UNIT_TPM := tpm_tis tpm_tis_answers tpm_crb
UNIT_TPM_CODE := drivers/tpm.c drivers/tpm_tis.c drivers/tpm_crb.c

# Fuzz targets, and what each is linked with; a file whose static state it must reset is
# included by it.
FUZZ := line dispatch words mount_path options passwd machine pair ring device acpi pci \
        file \
        http protobuf base64 hostos \
        vcom tpm_public tpm2 tpm_registers tpm_recipes \
        bandsox \
        bandsox_serial \
        vcom_serve
FUZZ_line     := $(PROTO:%=proto/%)
FUZZ_dispatch := $(PROTO:%=proto/%) platform/bare/mount.c platform/bare/file.c tests/unit/fake_platform.c \
                 $(addprefix agent/,dispatch.c config.c secret.c ssh_key.c mount.c power.c \
                   capabilities.c app_none.c job.c job_strings.c job_hostos.c job_vcom.c job_transfer.c path.c hostos.c vcom.c \
                   transfer.c transfer_receive.c transfer_ends.c \
                   tpm_serve.c tpm_messages.c tpm_secret.c tpm_steps.c tpm_recipe_info.c \
                   tpm_recipe_keys.c tpm_recipe_pcr.c tpm_recipe_random.c tpm_recipe_seal.c \
                   tpm_recipe_activate.c tpm_recipe_nv.c) \
                 tests/unit/fake_endpoint.c tests/unit/fake_engine.c $(BEARSSL)
FUZZ_words    := agent/words.c $(PROTO:%=proto/%)
FUZZ_mount_path := agent/mount.c agent/path.c $(PROTO:%=proto/%)
FUZZ_options  := platform/linux/errno_text.c
FUZZ_passwd   :=
FUZZ_machine  := $(MACHINE:%=drivers/%) tests/fuzz/wire.c
FUZZ_pair     := $(MACHINE:%=drivers/%)
FUZZ_ring     := drivers/virtqueue.c
FUZZ_device   := $(MACHINE:%=drivers/%) drivers/virtqueue.c drivers/virtio.c
FUZZ_acpi     := $(addprefix platform/x86_64/,acpi.c acpi_virtio.c start_info.c) platform/bare/option.c
FUZZ_file     := platform/bare/file.c
FUZZ_pci      := $(addprefix drivers/,pci.c virtio_pci.c virtio.c virtqueue.c)
FUZZ_http     := $(PROTO:%=proto/%)
FUZZ_protobuf := $(PROTO:%=proto/%)
FUZZ_base64   := proto/base64.c
FUZZ_hostos   := $(PROTO:%=proto/%)
FUZZ_vcom     := $(PROTO:%=proto/%)
FUZZ_tpm_public := $(PROTO:%=proto/%)
FUZZ_tpm2     := $(PROTO:%=proto/%)
FUZZ_tpm_registers := $(addprefix drivers/,tpm.c tpm_tis.c tpm_crb.c)
FUZZ_tpm_recipes := $(PROTO:%=proto/%) \
                 $(addprefix agent/,tpm.c tpm_run.c tpm_keys.c tpm_flush.c tpm_steps.c) \
                 $(addprefix agent/tpm_recipe_,info.c keys.c pcr.c random.c nv.c sign.c activate.c seal.c)
FUZZ_bandsox  := $(PROTO:%=proto/%)
FUZZ_vcom_serve := $(PROTO:%=proto/%)
FUZZ_bandsox_serial := $(PROTO:%=proto/%)

# What every byte of a stream passes through is compiled for speed, the rest for size.
HOT := drivers/buffer.c drivers/vsock_device.c \
       tests/bench/guest/app_bench.c

# --- flags -----------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wconversion $(if $(WERROR),-Werror)
# Of the file that is compiled: what it includes is noted; others' code may be as it is, and reads
# words of a processor that lets it wherever they lie.
DEPS  = -MMD -MP -MF $(@:.o=.d) \
        $(if $(filter $<,$(BEARSSL)),-w -fno-sanitize=alignment -I$(BUILD)/bearssl/src)

PICOLIBC := $(BUILD)/picolibc/$(ARCH)
PICOLIBC_STAMP := $(BUILD)/picolibc/stamp
STACK_SIZE := 4096
# An interrupt may come on top of the deepest call; an exception has pushed 176 bytes already.
STACK_CI = $(patsubst %.c,$(BUILD)/$(ARCH)/obj/%.ci,$(filter %.c,$(GUEST) agent/app_none.c))
STACK_ROOTS := --root boot_main=3584 --root wake=512 --root timer=512 --root spurious=512 \
    --root traps_exception=3920
GUEST_FLAGS := -m64 -march=x86-64 -mno-red-zone -mgeneral-regs-only -fcf-protection=none \
    -ffreestanding -fbuiltin -fno-pic -fno-pie -fno-common -fno-asynchronous-unwind-tables \
    -ffunction-sections -fdata-sections -malign-data=abi -ffile-prefix-map=$(CURDIR)=. \
    -DSTACK_SIZE=$(STACK_SIZE) -DEXCEPTION_STACK_SIZE=4096
# The compiler is asked when it is there: set-up may have to install it first.
GUEST_CFLAGS := $(GUEST_FLAGS) -std=c11 -D_DEFAULT_SOURCE -Os -g $(WARN) -nostdinc -I. \
    -isystem $(PICOLIBC)/include -isystem $(BUILD)/include -isystem $(BUILD)/bearssl/inc \
    -isystem `$(CC) -print-file-name=include` \
    -fstack-protector-strong -mstack-protector-guard=global -fcallgraph-info=su
GUEST_LDFLAGS := -nostdlib -static -Wl,--nmagic -T linker/x86_64.ld -Wl,--gc-sections -Wl,--build-id=none \
    -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--fatal-warnings -Wl,--emit-relocs

# A static program of one segment of code and one of data. Its limits are those of the real
# agent where they differ from the image's: memory that is never touched costs nothing here.
LINUX_LIMITS := -DENDPOINT_WINDOW=1048576 -DENDPOINT_SEND_BUFFER=65536 -DSTORE_SIZE=1048576 \
    -DSTORE_ENTRIES=1024 -DHEALTH_AGENTS_MAX=16 -DSTEREOS_REPLY_MAX=8192 \
    -DCLIENT_DATA_MAX=69632 -DTRANSFER_SCRATCH=16384 \
    -DBANDSOX_LINE_MAX=1048576 -DBANDSOX_OUT=16384 -DBANDSOX_PIECE=6144 -DBANDSOX_PATH_MAX=1023 \
    -DBANDSOX_OPERATIONS_MAX=16
LINUX_CFLAGS := $(filter-out -DSTACK_SIZE=% -DEXCEPTION_STACK_SIZE=%,$(GUEST_CFLAGS)) \
    -isystem $(BUILD)/linux-include $(LINUX_LIMITS)
LINUX_LDFLAGS := -nostdlib -static -T linker/linux.ld -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack \
    -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,-z,max-page-size=4096 -Wl,--fatal-warnings

HOST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -I. -isystem $(BUILD)/include \
    -isystem $(BUILD)/bearssl/inc
UNIT_CFLAGS := $(HOST_CFLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer

# --- images ----------------------------------------------------------------------

# $(call image,directory,application,flags,link flags): mote.elf and mote.debug there.
define image
$(BUILD)/$(1)_OBJS := $$(patsubst %.c,$(BUILD)/$(1)/obj/%.o,$$(patsubst %.S,%.c,$(GUEST) $(2)))
$(BUILD)/$(1)/obj/%.o: %.c Makefile $(PICOLIBC_STAMP)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) $$(if $$(filter $$<,$(HOT)),-O2) $(3) $$(DEPS) -c $$< -o $$@
$(BUILD)/$(1)/obj/%.o: %.S Makefile $(PICOLIBC_STAMP)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(GUEST_FLAGS) $(3) $$(DEPS) -c $$< -o $$@
$(BUILD)/$(1)/mote.debug: $$($(BUILD)/$(1)_OBJS) linker/x86_64.ld
	@echo "LD   $$@"
	$(Q)$(CC) $(GUEST_LDFLAGS) $(4) -Wl,-Map=$$(@:.debug=.map) $$($(BUILD)/$(1)_OBJS) $(PICOLIBC)/lib/libc.a -lgcc -o $$@
-include $$($(BUILD)/$(1)_OBJS:.o=.d)
endef

# The default image; one with a test application that faults when asked to; one with the
# longest lines that a real host may send, and with both; and one with what is measured.
LARGE := -DENDPOINT_WINDOW=1048576 -DENDPOINT_CONNECTIONS=4 -DSTORE_SIZE=2097152
LARGE_LINK := -Wl$(comma)--defsym=__ram_budget=8388608
$(eval $(call image,$(ARCH),agent/app_none.c,,))
$(eval $(call image,test,tests/boot/guest/app_test.c,,))
$(eval $(call image,large,agent/app_none.c,$(LARGE),$(LARGE_LINK)))
$(eval $(call image,large-test,tests/boot/guest/app_test.c,$(LARGE),$(LARGE_LINK)))
$(eval $(call image,bench,tests/bench/guest/app_bench.c,,))

# An image passes the gate of linker/check.py before it exists.
$(BUILD)/%/mote.elf: $(BUILD)/%/mote.debug linker/check.py linker/elf.py
	$(Q)objcopy --strip-all $< $@
	$(Q)$(PYTHON) linker/check.py --symbols $< --entry-symbol pvh_start $@

# --- the Linux program -------------------------------------------------------------

LINUX_IMAGE := $(BUILD)/linux/mote
LINUX_OBJS  := $(patsubst %.c,$(BUILD)/linux/obj/%.o,$(LINUX_MOTE:.S=.c))
$(BUILD)/linux/obj/%.o: %.c Makefile $(PICOLIBC_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LINUX_CFLAGS) $(if $(filter $<,$(HOT)),-O2) $(DEPS) -c $< -o $@
$(BUILD)/linux/obj/%.o: %.S Makefile $(PICOLIBC_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@
$(LINUX_IMAGE).debug: $(LINUX_OBJS) linker/linux.ld
	@echo "LD   $@"
	$(Q)$(CC) $(LINUX_LDFLAGS) $(LINUX_OBJS) $(PICOLIBC)/lib/libc.a -lgcc -o $@
$(LINUX_IMAGE): $(LINUX_IMAGE).debug linker/check.py linker/elf.py
	$(Q)objcopy --strip-all $< $@
	$(Q)$(PYTHON) linker/check.py --linux --symbols $< $@
-include $(LINUX_OBJS:.o=.d)

# The same over the system's C library and with sanitizers; main() is that library's.
ASAN_IMAGE := $(BUILD)/linux-asan/mote
ASAN_OBJS  := $(patsubst %.c,$(BUILD)/linux-asan/obj/%.o,tests/service/main.c \
                $(filter-out %.S %/linux/start.c %/linux/stdio.c,$(LINUX_MOTE)))
$(BUILD)/linux-asan/obj/%.o: %.c Makefile | $(BUILD)/.setup
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) $(LINUX_LIMITS) \
	    $(if $(filter agent/main.c platform/linux/life.c,$<),-Dmain=agent_main -Wno-missing-prototypes) $(DEPS) -c $< -o $@
$(ASAN_IMAGE): $(ASAN_OBJS)
	@echo "LD   $@"
	$(Q)$(CC) $(UNIT_CFLAGS) $^ -o $@
-include $(ASAN_OBJS:.o=.d)

# --- host programs and unit tests --------------------------------------------------

$(BUILD)/host/obj/%.o: %.c Makefile | $(BUILD)/.setup
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(DEPS) -c $< -o $@

$(BUILD)/unit/obj/%.o: %.c Makefile | $(BUILD)/.setup
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) $(DEPS) -c $< -o $@

HOST_PROGRAMS := $(BUILD)/host/vsockd $(BUILD)/host/motectl
.SECONDEXPANSION:
$(HOST_PROGRAMS): $(BUILD)/host/%: $$(addprefix $(BUILD)/host/obj/,$$(HOST_$$*:.c=.o))
	@echo "LD   $@"
	$(Q)$(CC) $^ $(LIBS_$*) -o $@

# First processes of the Linuxes in the tests: nothing else of a system is in their initramfs.
LINUX_PROGRAMS := $(BUILD)/linux/guest $(BUILD)/linux/nest
$(LINUX_PROGRAMS): $(BUILD)/linux/%: $$(addprefix $(BUILD)/host/obj/,$$(LINUX_$$*:.c=.o))
	@echo "LD   $@"
	@mkdir -p $(@D)
	$(Q)$(CC) -static -s $^ -o $@

# What measures: clients, what is measured beside mote, and a plugin for QEMU.
BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,client pings echo syscalls)
BENCH_TOOLS    := $(BENCH_PROGRAMS) $(BUILD)/bench/count.so
$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/host/obj/tests/bench/%.o
	@echo "LD   $@"
	@mkdir -p $(@D)
	$(Q)$(CC) -static $^ -o $@
$(BUILD)/bench/client $(BUILD)/bench/pings: $(BUILD)/host/obj/tests/bench/stream.o

$(BUILD)/bench/count.so: tests/bench/plugin.c Makefile | $(BUILD)/.setup
	@echo "LD   $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -fPIC -shared $< -o $@

$(BUILD)/unit/code.a: $(UNIT_CODE:%.c=$(BUILD)/unit/obj/%.o)
$(BUILD)/coverage/code.a: $(UNIT_CODE:%.c=$(BUILD)/coverage/obj/%.o)
$(BUILD)/unit/linux.a: $(UNIT_LINUX_CODE:%.c=$(BUILD)/unit/obj/%.o)
$(BUILD)/coverage/linux.a: $(UNIT_LINUX_CODE:%.c=$(BUILD)/coverage/obj/%.o)
$(foreach d,unit coverage,$(BUILD)/$(d)/code.a $(BUILD)/$(d)/linux.a):
	$(Q)rm -f $@
	$(Q)ar qcs $@ $^

# $(call archives,directory): of a test whose name % is; the first that has a symbol serves.
archives = $$(if $$(filter $(UNIT_LINUX:%=test_%),$$*),$(1)/linux.a) $(1)/code.a

UNIT_PROGRAMS := $(UNIT:%=$(BUILD)/unit/test_%)
$(BUILD)/unit/test_transfer $(BUILD)/unit/test_transfer_faults: $(BUILD)/unit/obj/tests/unit/fake_host.o
$(UNIT_SOCKETS:%=$(BUILD)/unit/test_%): $(UNIT_SOCKETS_CODE:%.c=$(BUILD)/unit/obj/%.o)
$(UNIT_TPM:%=$(BUILD)/unit/test_%): $(UNIT_TPM_CODE:%.c=$(BUILD)/unit/obj/%.o)
$(UNIT_ENDPOINT:%=$(BUILD)/unit/test_%): $(UNIT_ENDPOINT_CODE:%.c=$(BUILD)/unit/obj/%.o)
$(UNIT_ENGINE:%=$(BUILD)/unit/test_%): $(UNIT_ENGINE_CODE:%.c=$(BUILD)/unit/obj/%.o)
$(foreach d,unit coverage,$(UNIT_TSS:%=$(BUILD)/$(d)/test_%)): UNIT_LIBS := -ltss2-mu
$(UNIT_PROGRAMS): $(BUILD)/unit/%: $(BUILD)/unit/obj/tests/unit/%.o $(call archives,$(BUILD)/unit)
	$(Q)$(CC) $(UNIT_CFLAGS) $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(UNIT_LIBS) -o $@

# --- fuzzing -----------------------------------------------------------------------

# By clang with libFuzzer; and by gcc to replay what the fuzzers found. A store that can be
# filled is part of it.
FUZZ_SECONDS := 60
FUZZ_CFLAGS  := $(UNIT_CFLAGS) -DSTORE_SIZE=512
FUZZ_PROGRAMS   := $(FUZZ:%=$(BUILD)/fuzz/fuzz_%)
REPLAY_PROGRAMS := $(FUZZ:%=$(BUILD)/fuzz/replay_%)

$(BUILD)/fuzz/clang/%.o: %.c Makefile | $(BUILD)/.setup
	@mkdir -p $(@D)
	$(Q)clang-14 $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link $(DEPS) -c $< -o $@

$(BUILD)/fuzz/gcc/%.o: %.c Makefile | $(BUILD)/.setup
	@mkdir -p $(@D)
	$(Q)$(CC) $(FUZZ_CFLAGS) $(DEPS) -c $< -o $@

$(FUZZ_PROGRAMS): $(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/clang/tests/fuzz/fuzz_%.o \
                  $$(addprefix $(BUILD)/fuzz/clang/,$$(FUZZ_$$*:.c=.o))
	$(Q)clang-14 $(FUZZ_CFLAGS) -fsanitize=fuzzer $^ -o $@

$(REPLAY_PROGRAMS): $(BUILD)/fuzz/replay_%: $(BUILD)/fuzz/gcc/tests/fuzz/fuzz_%.o \
                    $(BUILD)/fuzz/gcc/tests/fuzz/replay.o \
                    $$(addprefix $(BUILD)/fuzz/gcc/,$$(FUZZ_$$*:.c=.o))
	$(Q)$(CC) $(FUZZ_CFLAGS) $^ -o $@

# --- coverage ----------------------------------------------------------------------

# The unit tests and the replays once more, without optimisation: the branches that are
# counted are those of the source. tests/coverage.py runs them and adds up.
COVERAGE_CFLAGS   := $(HOST_CFLAGS) -O0 --coverage
COVERAGE_UNIT     := $(UNIT:%=$(BUILD)/coverage/test_%)
COVERAGE_REPLAY   := $(FUZZ:%=$(BUILD)/coverage/replay_%)
COVERAGE_PROGRAMS := $(COVERAGE_UNIT) $(COVERAGE_REPLAY)

$(BUILD)/coverage/obj/%.o: %.c Makefile | $(BUILD)/.setup
	@mkdir -p $(@D)
	$(Q)$(CC) $(COVERAGE_CFLAGS) $(DEPS) -c $< -o $@

$(BUILD)/coverage/test_transfer $(BUILD)/coverage/test_transfer_faults: $(BUILD)/coverage/obj/tests/unit/fake_host.o
$(UNIT_SOCKETS:%=$(BUILD)/coverage/test_%): $(UNIT_SOCKETS_CODE:%.c=$(BUILD)/coverage/obj/%.o)
$(UNIT_TPM:%=$(BUILD)/coverage/test_%): $(UNIT_TPM_CODE:%.c=$(BUILD)/coverage/obj/%.o)
$(UNIT_ENDPOINT:%=$(BUILD)/coverage/test_%): $(UNIT_ENDPOINT_CODE:%.c=$(BUILD)/coverage/obj/%.o)
$(UNIT_ENGINE:%=$(BUILD)/coverage/test_%): $(UNIT_ENGINE_CODE:%.c=$(BUILD)/coverage/obj/%.o)
$(COVERAGE_UNIT): $(BUILD)/coverage/%: $(BUILD)/coverage/obj/tests/unit/%.o \
                  $(call archives,$(BUILD)/coverage)
	$(Q)$(CC) $(COVERAGE_CFLAGS) $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(UNIT_LIBS) -o $@

$(COVERAGE_REPLAY): $(BUILD)/coverage/replay_%: $(BUILD)/coverage/obj/tests/fuzz/fuzz_%.o \
                    $(BUILD)/coverage/obj/tests/fuzz/replay.o \
                    $$(addprefix $(BUILD)/coverage/obj/,$$(FUZZ_$$*:.c=.o))
	$(Q)$(CC) $(COVERAGE_CFLAGS) $^ -o $@

-include $(shell find $(BUILD)/host $(BUILD)/unit $(BUILD)/fuzz $(BUILD)/coverage -name '*.d' \
    2>/dev/null)

# --- targets -----------------------------------------------------------------------

# Says by its date when the tools were last complete; looks again every time, in no time.
$(BUILD)/.setup: FORCE
	$(Q)BUILD=$(BUILD) qemu/setup
	@test -e $@ || { mkdir -p $(BUILD) && touch $@; }

# Changes only when the C library does.
$(PICOLIBC_STAMP): $(BUILD)/.setup ;
$(BEARSSL): $(BUILD)/.setup ;

FORCE:
.PHONY: FORCE all help setup run test unit coverage service boot linux interop size stack initramfs \
        fuzz prove bench bench-linux bench-tpm fmt lint clean

HOST_TESTS  := $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS)
TEST_IMAGES := $(addprefix $(BUILD)/,test/mote.elf large/mote.elf large-test/mote.elf)

all: $(IMAGE) $(LINUX_IMAGE) $(HOST_PROGRAMS) ## build the image and the host's programs

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo "  Variables: V=1 shows commands, WERROR=1 makes warnings errors, VSOCK=vsockd|vhost-device-vsock|vhost"

setup: $(BUILD)/.setup ## install and build what the build needs

run: all ## boot the image in QEMU, talk to it, power it off
	$(Q)qemu/run $(IMAGE) -- qemu/demo

test: all stack size $(ASAN_IMAGE) $(HOST_TESTS) $(COVERAGE_PROGRAMS) $(TEST_IMAGES) $(LINUX_PROGRAMS) ## run every test
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/run.py

unit: all $(HOST_TESTS) ## run the unit tests alone
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/run.py unit

coverage: $(COVERAGE_PROGRAMS) ## print which lines and branches the host tests reach
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/run.py coverage

service: $(LINUX_IMAGE) $(ASAN_IMAGE) ## run the tests of mote as a process of this machine alone
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/run.py service

boot: all $(TEST_IMAGES) ## run the boot tests alone
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/run.py boot

linux: all ## run the tests of mote as the first process of Linux alone
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/run.py linux

interop: all $(LINUX_PROGRAMS) ## run the tests with real Linux alone
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/run.py interop

size: $(IMAGE) $(LINUX_IMAGE) ## print images and memory against their budgets
	$(Q)$(PYTHON) linker/size.py --image-budget 163840 --image $(IMAGE) $(BUILD)/$(ARCH)/mote.debug
	@echo
	$(Q)$(PYTHON) linker/parts.py $(BUILD)/$(ARCH)/mote.map \
	    "the TPM: drivers" $(TPM:%=drivers/%) -- "the TPM: commands" $(PROTO_TPM:%=proto/%) -- \
	    "the TPM: operations" $(AGENT_TPM:%=agent/%) -- "the TPM: ciphers" $(BEARSSL_TPM) -- \
	    "VComLink served" $(PROTO_VCOM:%=proto/%) $(AGENT_VCOM:%=agent/%)
	@echo
	$(Q)$(PYTHON) linker/size.py --linux --image-budget 204800 --image $(LINUX_IMAGE) \
	    $(LINUX_IMAGE).debug

stack: $(IMAGE) ## print the worst-case stack depth
	$(Q)$(PYTHON) linker/stack.py --facts linker/stack.facts $(STACK_ROOTS) \
	    $(BUILD)/$(ARCH)/mote.debug $(STACK_CI) $(PICOLIBC)/ci/libc.ci

initramfs: $(LINUX_IMAGE) ## write an initramfs with mote for the kernel KERNEL=
	$(if $(KERNEL),,$(error say KERNEL=IMAGE, and MODULES=DIR unless its modules lie beside it or \
	    in /lib/modules; OUT=FILE is where the initramfs goes, else $(BUILD)/initramfs.cpio))
	$(Q)qemu/initramfs --init $(LINUX_IMAGE) --kernel $(KERNEL) \
	    $(if $(MODULES),--modules $(MODULES)) --output $(or $(OUT),$(BUILD)/initramfs.cpio)

fuzz: ## fuzz every target for FUZZ_SECONDS (installs clang)
	$(Q)BUILD=$(BUILD) qemu/setup fuzz
	$(Q)$(MAKE) -s $(FUZZ_PROGRAMS)
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/fuzz/run.py $(FUZZ_SECONDS)

prove: ## prove what bounds allow, and that the proofs can fail (gets CBMC)
	$(Q)BUILD=$(BUILD) qemu/setup prove
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/proof/run.py

bench: all $(BENCH_TOOLS) $(BUILD)/bench/mote.elf $(BUILD)/test/mote.elf $(BUILD)/linux/guest ## measure mote against two Linux guests
	$(Q)$(PYTHON) tests/bench/bench.py
	$(Q)$(PYTHON) tests/bench/transfers.py

bench-linux: all $(BENCH_TOOLS) ## measure mote as a Linux process, and as init, beside others
	$(Q)$(PYTHON) tests/bench/linux_bench.py

bench-tpm: all $(BENCH_TOOLS) ## measure requests about the TPM, and what of them is the TPM's
	$(Q)$(PYTHON) tests/bench/tpm_requests.py

fmt: ## format the C files
	clang-format -i $$(git ls-files '*.c' '*.h')

lint: ## check the formatting of the C files
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')

clean: ## remove everything built; the cache stays
	rm -rf $(BUILD)
