import { init, use, type EChartsCoreOption } from 'echarts/core'
import { BarChart, LineChart } from 'echarts/charts'
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent
} from 'echarts/components'
import { SVGRenderer } from 'echarts/renderers'
import { isMet, ratioOf, type Report } from './report.ts'

use([
  BarChart,
  LineChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  SVGRenderer
])

const width = 900
const barHeight = 26
const panelHeight = 300
/** Where a bar ends at the latest: a broker that used nothing at all would have no end. */
const ratioMax = 1000
const colours = { met: '#3b7d4f', missed: '#c0562b', text: '#333333', lines: '#bbbbbb' }

/**
 * The report as one SVG: how odradek stands to the others, target by target, and how costs grow.
 * ECharts draws it on the server's side, without a DOM, a native module or a download.
 */
export function plot(report: Report): string {
  const bars = ratioBars(report)
  const growth = growthPanels(report)
  const barsHeight = bars.length === 0 ? 0 : 110 + bars.length * barHeight
  const height = barsHeight + Math.ceil(growth.length / 2) * panelHeight
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption(optionOf(bars, growth, barsHeight))
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}

interface Bar {
  readonly label: string
  readonly ratio: number
  readonly isMet: boolean
}

/** Ratios are turned so that more is better in every bar. */
function ratioBars({ workloads }: Report): readonly Bar[] {
  return workloads.flatMap(workload =>
    workload.targets.flatMap(target => {
      if (target.against === null) return []
      const ratio = ratioOf(workload, target.against, target.metric)?.median
      if (ratio === undefined) return []
      const unit = workload.metrics.find(({ name }) => name === target.metric)!.unit
      const isLessBetter = target.sense === 'at most'
      return {
        label: `${workload.name}: ${unit}${target.against === 'C sink' ? ' (to the C sink)' : ''}`,
        ratio: isLessBetter ? 1 / ratio : ratio,
        isMet: isMet(target, ratio)
      }
    })
  )
}

interface Panel {
  readonly title: string
  readonly axis: string
  readonly unit: string
  readonly points: ReadonlyArray<readonly [number, number]>
}

function growthPanels({ workloads }: Report): readonly Panel[] {
  return workloads.flatMap(({ growth = [] }) => growth)
}

function optionOf(
  bars: readonly Bar[],
  growth: readonly Panel[],
  barsHeight: number
): EChartsCoreOption {
  const hasBars = bars.length > 0
  const first = hasBars ? 1 : 0
  const panels = growth.map((panel, index) => panelOf(panel, index, index + first, barsHeight))
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { color: colours.text, fontFamily: 'sans-serif' },
    title: [...(hasBars ? [barsTitle] : []), ...panels.map(({ title }) => title)],
    grid: [
      ...(hasBars ? [{ left: 330, right: 70, top: 60, height: bars.length * barHeight }] : []),
      ...panels.map(({ grid }) => grid)
    ],
    xAxis: [...(hasBars ? [barsXAxis] : []), ...panels.map(({ xAxis }) => xAxis)],
    yAxis: [...(hasBars ? [barsYAxis(bars)] : []), ...panels.map(({ yAxis }) => yAxis)],
    series: [...(hasBars ? [barsSeries(bars)] : []), ...panels.map(({ series }) => series)]
  }
}

const barsTitle = {
  text: 'odradek to Apache Kafka (or the C sink): how many times better, 1 is equal',
  left: 20,
  top: 16,
  textStyle: { fontSize: 15, color: colours.text }
}

const barsXAxis = {
  type: 'log',
  gridIndex: 0,
  splitLine: { lineStyle: { color: '#eeeeee' } },
  axisLabel: { color: colours.text }
}

function barsYAxis(bars: readonly Bar[]) {
  return {
    type: 'category',
    gridIndex: 0,
    inverse: true,
    data: bars.map(({ label }) => label),
    axisLabel: { color: colours.text, fontSize: 11 },
    axisTick: { show: false },
    axisLine: { lineStyle: { color: colours.lines } }
  }
}

function ratioText(ratio: number): string {
  return ratio > ratioMax ? `> ${ratioMax} x` : `${ratio.toFixed(2)} x`
}

function barsSeries(bars: readonly Bar[]) {
  return {
    type: 'bar',
    xAxisIndex: 0,
    yAxisIndex: 0,
    barWidth: 14,
    data: bars.map(bar => ({
      value: Math.min(bar.ratio, ratioMax),
      itemStyle: { color: bar.isMet ? colours.met : colours.missed },
      label: { show: true, position: 'right', formatter: ratioText(bar.ratio) }
    })),
    markLine: {
      silent: true,
      symbol: 'none',
      label: { show: false },
      lineStyle: { color: colours.text, type: 'solid' },
      data: [{ xAxis: 1 }]
    }
  }
}

function panelOf(panel: Panel, index: number, gridIndex: number, top: number) {
  const left = (index % 2) * (width / 2)
  const from = top + Math.floor(index / 2) * panelHeight
  const highest = Math.max(...panel.points.map(([, cost]) => cost))
  return {
    title: {
      text: `${panel.title}: ${panel.unit}`,
      left: left + 20,
      top: from + 10,
      textStyle: { fontSize: 13, color: colours.text }
    },
    grid: { left: left + 60, width: width / 2 - 100, top: from + 50, height: panelHeight - 120 },
    xAxis: {
      type: 'log',
      gridIndex,
      name: panel.axis,
      nameLocation: 'middle',
      nameGap: 30,
      splitLine: { show: false }
    },
    yAxis: { type: 'value', gridIndex, min: 0, max: Math.ceil(highest * 1.5) },
    series: {
      type: 'line',
      xAxisIndex: gridIndex,
      yAxisIndex: gridIndex,
      data: panel.points,
      itemStyle: { color: colours.met },
      label: {
        show: true,
        position: 'top',
        formatter: ({ value }: { readonly value: readonly number[] }) => value[1]!.toFixed(1)
      }
    }
  }
}
