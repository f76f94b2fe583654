/* SPDX-License-Identifier: MIT */
/* The wall clock's time, in words; nothing else needs a calendar. */
#include "platform/linux/date.h"

#include "platform/linux/sys.h"
#include "platform/platform.h"
#include "proto/text.h"

#define DAY 86400u

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_of_month(uint32_t month, uint32_t year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month] + (month == 1 && is_leap(year) ? 1u : 0u);
}

/* Two digits behind a text. */
static void write_two(struct out *o, const char *before, uint32_t n)
{
    const char digits[] = {(char)('0' + n / 10), (char)('0' + n % 10)};

    out_str(o, before);
    out_bytes(o, digits, sizeof digits);
}

void date_write(uint64_t seconds, char text[DATE_SIZE])
{
    uint32_t time = (uint32_t)(seconds % DAY), day = (uint32_t)(seconds / DAY);
    uint32_t weekday = (day + 4) % 7, year = 1970, month = 0; /* it began on a Thursday */

    for (; day >= (is_leap(year) ? 366u : 365u); year++)
        day -= is_leap(year) ? 366u : 365u;
    for (; day >= days_of_month(month, year); month++)
        day -= days_of_month(month, year);
    struct out o = out_to(text, DATE_SIZE);
    out_bytes(&o, &"SunMonTueWedThuFriSat"[3 * weekday], 3);
    write_two(&o, ", ", day + 1);
    out_str(&o, " ");
    out_bytes(&o, &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * month], 3);
    write_two(&o, " ", year / 100);
    write_two(&o, "", year % 100);
    write_two(&o, " ", time / 3600);
    write_two(&o, ":", time / 60 % 60);
    write_two(&o, ":", time % 60);
    out_bytes(&o, " GMT", sizeof " GMT");
}

const char *platform_date(void)
{
    static char date_text[DATE_SIZE];
    struct __kernel_timespec now = {0};

    sys_clock_gettime(CLOCK_REALTIME, &now);
    date_write((uint64_t)now.tv_sec, date_text);
    return date_text;
}
